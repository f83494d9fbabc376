import { canonicalIp, familyOf, HOST, randomMac } from "#base";
import type { BpfInstruction, Poller } from "#kernel/ffi";
import { RouteSocket } from "#kernel/rtnetlink";
import { arpConflict, arpProbe, BROADCAST_MAC, decodeArp, ETH_P_ARP } from "./arp.ts";
import { ask, type Question } from "./ask.ts";
import { LinkPort } from "./link-port.ts";
import { ALL_NODES, dadProbe, decodeNeighbour, ETH_P_IPV6, multicastMac, ndpConflict, solicitedNode } from "./ndp.ts";
import { NEIGHBOUR_FILTER } from "./neighbour-filter.ts";

export type ProbeMode = "quick" | "full" | "off";

export interface ProbeRequest {
  /** The parent: what an address would be used on. */
  readonly link: string;
  /** Without prefix length. */
  readonly address: string;
  readonly mode: ProbeMode;
  readonly namespace?: string;
  /** Ends it early, as free. */
  readonly signal?: AbortSignal;
}

export interface ProbeResult {
  /** MAC of whoever has the address; absent: nobody answered. */
  readonly conflict?: string;
  /** The host itself has it, on this link. */
  readonly hostLink?: string;
  /** The host's default route by the probed link leads there, whether anybody answers there now or not. */
  readonly isGateway?: boolean;
  /** How many probes were sent: 0 when nobody was asked, as the host knew, the link is down, or the mode is `off`. */
  readonly sent: number;
}

/** Milliseconds: three within 200; RFC 5227 section 1.1: PROBE_WAIT 1 s, PROBE_MIN 1 s, PROBE_MAX 2 s, ANNOUNCE_WAIT 2 s. */
function scheduleOf(mode: "quick" | "full", random: () => number): Pick<Question<string>, "delay" | "waits"> {
  if (mode === "quick") return { waits: [60, 60, 80] };
  return { delay: random() * 1000, waits: [1000 + random() * 1000, 1000 + random() * 1000, 2000] };
}

/** How a family asks for an address, and what says that somebody has it. */
interface Inquiry {
  readonly ethertype: number;
  readonly filter?: readonly BpfInstruction[];
  /** Multicast MACs that answers are sent to. */
  readonly groups: readonly string[];
  readonly destination: string;
  /** @param mac of the link it goes out by */
  probe(mac: string): Uint8Array;
  /** @returns the MAC of who has the address, or is about to take it */
  conflict(packet: Uint8Array, sender: string, own: ReadonlySet<string>): string | undefined;
}

const byArp = (address: string): Inquiry => ({
  ...{ ethertype: ETH_P_ARP, groups: [], destination: BROADCAST_MAC },
  probe: (mac) => arpProbe(mac, address),
  conflict(packet, _sender, own) {
    const arp = decodeArp(packet);
    return arp && arpConflict(arp, address, own);
  },
});

function byNeighbourDiscovery(address: string): Inquiry {
  const group = multicastMac(solicitedNode(address));
  const nonce = randomMac();
  return {
    ...{ ethertype: ETH_P_IPV6, filter: NEIGHBOUR_FILTER, groups: [multicastMac(ALL_NODES), group], destination: group },
    probe: () => dadProbe(address, nonce),
    conflict(packet, sender, own) {
      const message = decodeNeighbour(packet);
      return message && ndpConflict(message, sender, address, own, nonce);
    },
  };
}

/**
 * Whether anybody on the link's LAN, or the host itself, has an address: ARP probes (RFC 5227) or duplicate address detection (RFC 4862). The host's
 * own addresses and gateway are looked up in every mode: it does not hear its own probes.
 * @throws notFound without such a link, unless the mode is `off`; SystemError when the kernel refuses the socket
 */
export async function probeAddress(poller: Poller, request: ProbeRequest, random: () => number = Math.random): Promise<ProbeResult> {
  const { link, mode, namespace = HOST, signal } = request;
  const address = canonicalIp(request.address);
  const known = knownHere(namespace, link, address);
  if (known) return { ...known, sent: 0 };
  if (mode === "off") return { sent: 0 };
  const inquiry = familyOf(address) === 4 ? byArp(address) : byNeighbourDiscovery(address);
  const { ethertype, filter } = inquiry;
  using port = new LinkPort({ namespace, link, ethertype, ...(filter ? { filter } : {}) });
  if (!port.running || port.noArp) return { sent: 0 };
  for (const group of inquiry.groups) port.join(group);
  const own = new Set([port.mac]);
  let sent = 0;
  const conflict = await ask(poller, port, {
    ...scheduleOf(mode, random),
    send() {
      port.send(ethertype, inquiry.destination, inquiry.probe(port.mac));
      sent++;
    },
    accept: (packet, sender) => inquiry.conflict(packet, sender, own),
    signal,
  });
  return { ...(conflict === undefined ? {} : { conflict }), sent };
}

function knownHere(namespace: string, linkName: string, address: string): Omit<ProbeResult, "sent"> | undefined {
  using route = RouteSocket.open(namespace);
  const found = route.addresses({ family: familyOf(address) }).find((each) => each.address.slice(0, each.address.indexOf("/")) === address);
  const link = found && route.link(found.index);
  if (link) return { conflict: link.mac ?? "00:00:00:00:00:00", hostLink: link.name };
  return isGateway(route, linkName, address) ? { isGateway: true } : undefined;
}

/** Addresses that nothing but a default route leads to: those of a.root-servers.net. Nothing is sent there. */
const FAR_AWAY = { 4: "198.41.0.4", 6: "2001:503:ba3e::2:30" } as const;

function isGateway(route: RouteSocket, linkName: string, address: string): boolean {
  try {
    const { gateway, index } = route.routeTo(FAR_AWAY[familyOf(address)]);
    return gateway === address && index !== undefined && index === route.indexOf(linkName);
  } catch {
    // No way out, or one that is closed: unreachable, prohibited, a black hole.
    return false;
  }
}

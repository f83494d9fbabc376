import { canonicalIp, familyOf, HOST, randomMac } from "#base";
import type { Poller } from "#kernel/ffi";
import { RouteSocket } from "#kernel/rtnetlink";
import { arpConflict, arpProbe, BROADCAST_MAC, decodeArp, ETH_P_ARP } from "./arp.ts";
import { LinkPort } from "./link-port.ts";
import { listen } from "./listen.ts";
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
  /** MACs that may have the address: those of a container that has it already. */
  readonly owners?: readonly string[];
  /** Ends it early, as free. */
  readonly signal?: AbortSignal;
}

export interface ProbeResult {
  /** MAC of whoever has the address; absent: nobody answered. */
  readonly conflict?: string;
  /** The host itself has it, on this link. */
  readonly hostLink?: string;
  /** How many probes were sent: 0 when the link is down and nothing could be asked. */
  readonly sent: number;
}

/** Milliseconds of each probe after the start, and of the end. */
interface Schedule {
  readonly at: readonly number[];
  readonly end: number;
}

/** Three within 200 ms; RFC 5227 section 1.1: PROBE_WAIT 1 s, PROBE_MIN 1 s, PROBE_MAX 2 s, ANNOUNCE_WAIT 2 s. */
function scheduleOf(mode: "quick" | "full", random: () => number): Schedule {
  if (mode === "quick") return { at: [0, 60, 120], end: 200 };
  const first = random() * 1000;
  const second = first + 1000 + random() * 1000;
  const third = second + 1000 + random() * 1000;
  return { at: [first, second, third], end: third + 2000 };
}

/**
 * Whether anybody on the link's LAN, or the host itself, has an address: ARP probes (RFC 5227) or duplicate address detection (RFC 4862).
 * @throws notFound without such a link; SystemError when the kernel refuses the socket
 */
export async function probeAddress(poller: Poller, request: ProbeRequest, random: () => number = Math.random): Promise<ProbeResult> {
  const { mode, namespace = HOST } = request;
  if (mode === "off") return { sent: 0 };
  const address = canonicalIp(request.address);
  const host = holderHere(namespace, address);
  if (host) return { ...host, sent: 0 };
  const six = familyOf(address) === 6;
  using port = new LinkPort({
    ...{ namespace, link: request.link, ethertype: six ? ETH_P_IPV6 : ETH_P_ARP },
    ...(six ? { filter: NEIGHBOUR_FILTER } : {}),
  });
  if (!port.running || port.noArp) return { sent: 0 };
  const own = new Set([port.mac, ...(request.owners ?? [])]);
  const nonce = randomMac();
  const group = solicitedNode6(six, address);
  if (group) for (const each of [ALL_NODES, group]) port.join(multicastMac(each));
  const probe = group ? dadProbe(address, nonce) : arpProbe(port.mac, address);
  const conflictOf = (packet: Uint8Array, sender: string): string | undefined => {
    if (!six) {
      const arp = decodeArp(packet);
      return arp && arpConflict(arp, address, own);
    }
    const message = decodeNeighbour(packet);
    return message && ndpConflict(message, sender, address, own, nonce);
  };
  const send = () => port.send(six ? ETH_P_IPV6 : ETH_P_ARP, group ? multicastMac(group) : BROADCAST_MAC, probe);
  return await exchange(poller, port, scheduleOf(mode, random), send, conflictOf, request.signal);
}

const solicitedNode6 = (six: boolean, address: string): string | undefined => (six ? solicitedNode(address) : undefined);

/** The host does not hear its own probes, so its own addresses are looked up. */
function holderHere(namespace: string, address: string): Pick<ProbeResult, "conflict" | "hostLink"> | undefined {
  using route = RouteSocket.open(namespace);
  const found = route.addresses({ family: familyOf(address) }).find((each) => each.address.slice(0, each.address.indexOf("/")) === address);
  const link = found && route.link(found.index);
  return link && { conflict: link.mac ?? "00:00:00:00:00:00", hostLink: link.name };
}

function exchange(
  poller: Poller,
  port: LinkPort,
  schedule: Schedule,
  send: () => void,
  conflictOf: (packet: Uint8Array, sender: string) => string | undefined,
  signal: AbortSignal | undefined,
): Promise<ProbeResult> {
  const timers: NodeJS.Timeout[] = [];
  let sent = 0;
  return new Promise<ProbeResult>((resolve) => {
    const finish = (conflict?: string) => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      watch[Symbol.dispose]();
      resolve({ ...(conflict === undefined ? {} : { conflict }), sent });
    };
    const abort = () => finish();
    const watch = listen(poller, port, (packet, sender) => {
      const mac = conflictOf(packet, sender);
      if (mac !== undefined) finish(mac);
    });
    const probe = () => {
      try {
        send();
        sent++;
      } catch {
        // The link went down meanwhile: nobody can be asked.
        finish();
      }
    };
    for (const at of schedule.at) timers.push(setTimeout(probe, at));
    timers.push(setTimeout(finish, schedule.end));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort);
  });
}

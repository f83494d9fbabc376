import { setTimeout as sleep } from "node:timers/promises";
import { FairwayError } from "#base";
import type { Poller } from "#kernel/ffi";
import { type Answer, Conversation, type Dhcp4Identity } from "./exchange.ts";
import { type Dhcp4Lease, expiryOf, leaseOf } from "./lease.ts";

export interface Dhcp4Request extends Dhcp4Identity {
  /** The lease there was before: asked for again (INIT-REBOOT, RFC 2131 section 3.2), and kept while it is valid and nobody says otherwise. */
  readonly previous?: Dhcp4Lease;
  /** An address the user would like. */
  readonly requested?: string;
  /** Milliseconds in all; 15 000 unless given. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface Dhcp4Result {
  readonly lease: Dhcp4Lease;
  /** False: no server answered, and the former lease is used on, as it is still valid. */
  readonly confirmed: boolean;
}

/** Milliseconds after a refusal: a server that offers what it then refuses is not asked without end. */
export const PAUSE = 1000;

/** Waits after each sending, doubled from 1 s (RFC 2131 section 4.1 has 4 s; a container waits here). */
const waitsWithin = (budget: number): number[] => {
  const waits: number[] = [];
  for (let wait = 1000, left = budget; left > 0; wait *= 2) {
    // A last wait that is too short to be answered in belongs to the one before.
    const rest = left - wait < 1000 ? left : wait;
    waits.push(rest);
    left -= rest;
  }
  return waits;
};

/**
 * An address from the LAN's DHCP server.
 * @throws FairwayError `unavailable` when no server answered or gave one; notFound without such a link
 */
export async function acquireDhcp4(poller: Poller, request: Dhcp4Request): Promise<Dhcp4Result> {
  const { previous, timeout = 15_000, signal, link } = request;
  using conversation = new Conversation(poller, request);
  const deadline = performance.now() + timeout;
  if (previous && expiryOf(previous) > Date.now()) {
    const again = await askFor(conversation, { requestedAddress: previous.address }, [1000, 2000], signal);
    if (again === undefined) return { lease: previous, confirmed: false };
    if (again !== "nak") return { lease: again, confirmed: true };
  }
  const wanted = request.requested ?? previous?.address;
  let refused = 0;
  while (performance.now() < deadline && !signal?.aborted) {
    const draft = { type: "discover", ...(wanted ? { requestedAddress: wanted } : {}) } as const;
    const offer = await conversation.ask(draft, waitsWithin(deadline - performance.now()), offerIn, { signal });
    if (!offer) break;
    const lease = await askFor(conversation, { requestedAddress: offer.address, serverId: offer.server }, [1000, 2000], signal);
    if (lease !== undefined && lease !== "nak") return { lease, confirmed: true };
    refused++;
    await sleep(PAUSE);
  }
  const why = refused > 0 ? `the server offered an address and refused or forgot it ${refused} times` : "no server answered";
  throw new FairwayError("unavailable", `Cannot get an IPv4 address by DHCP on ${link}: ${why} within ${Math.round(timeout / 1000)} s`, {
    code: "no-dhcp-lease",
    context: { link, mac: request.mac, refused },
  });
}

const offerIn = ({ reply, senderMac }: Answer): Dhcp4Lease | undefined =>
  reply.type === "offer" ? leaseOf(reply, senderMac, Date.now()) : undefined;

/** A lease counts from when it was asked for, RFC 2131 section 4.4.1. */
export function askFor(
  conversation: Conversation,
  draft: { readonly requestedAddress?: string; readonly serverId?: string; readonly clientAddress?: string },
  waits: readonly number[],
  signal?: AbortSignal,
  unicast?: Parameters<Conversation["send"]>[1],
): Promise<Dhcp4Lease | "nak" | undefined> {
  const asked = Date.now();
  const accept = ({ reply, senderMac }: Answer): Dhcp4Lease | "nak" | undefined => {
    if (reply.type === "nak") return "nak";
    return reply.type === "ack" ? leaseOf(reply, senderMac, asked) : undefined;
  };
  return conversation.ask({ type: "request", ...draft }, waits, accept, { signal, unicast });
}

/** Gives a lease back, when its container is removed. One message, which nobody answers. @throws notFound without such a link */
export function releaseDhcp4(poller: Poller, identity: Dhcp4Identity, lease: Dhcp4Lease): void {
  using conversation = new Conversation(poller, identity);
  const unicast = { source: lease.address, server: lease.server, serverMac: lease.serverMac };
  conversation.send({ type: "release", clientAddress: lease.address, serverId: lease.server }, unicast);
}

/** Tells the server that somebody else uses the address it gave, RFC 2131 section 4.4.4: it will give another. */
export function declineDhcp4(poller: Poller, identity: Dhcp4Identity, lease: Dhcp4Lease): void {
  using conversation = new Conversation(poller, identity);
  conversation.send({ type: "decline", requestedAddress: lease.address, serverId: lease.server, message: "address in use" });
}

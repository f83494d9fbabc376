import type { Dhcp6Reply } from "./message.ts";

/** Plain data, to be kept on disk. The prefix length is the LAN's routers' to tell; DHCPv6 gives an address alone. */
export interface Dhcp6Lease {
  readonly address: string;
  readonly dns: readonly string[];
  /** The server's DUID in hex. */
  readonly server: string;
  /** Milliseconds since the epoch. */
  readonly obtained: number;
  /** Seconds from `obtained`; 0xffffffff has no end. */
  readonly valid: number;
  readonly preferred: number;
  readonly renew: number;
  readonly rebind: number;
}

const INFINITE = 0xffffffff;

/** RFC 8415 section 21.13: NoAddrsAvail, NoBinding, NotOnLink. Other failures are the server's own, or passing. */
const REFUSALS: ReadonlySet<number> = new Set([2, 3, 4]);

/** Milliseconds since the epoch, of seconds since a lease was asked for; Infinity for what never comes. */
export const momentOf = (lease: Dhcp6Lease, seconds: number): number =>
  seconds === INFINITE || lease.valid === INFINITE ? Number.POSITIVE_INFINITY : lease.obtained + seconds * 1000;

export const expiryOf6 = (lease: Dhcp6Lease): number => momentOf(lease, lease.valid);

/**
 * The lease of a reply; `nak` when the server refuses the address or takes it back, undefined when it says nothing of it (RFC 8415 section 18.2.10.1:
 * then it is asked again).
 * @param asked milliseconds since the epoch of the request: a lease counts from there
 */
export function leaseIn(reply: Dhcp6Reply, asked: number): Dhcp6Lease | "nak" | undefined {
  if (reply.type !== "reply") return undefined;
  if (REFUSALS.has(reply.status)) return "nak";
  const { address } = reply;
  if (reply.status !== 0 || !address) return undefined;
  if (address.valid === 0) return "nak";
  // RFC 8415 section 14.2: 0 leaves it to the client.
  const renew = reply.t1 || Math.trunc(address.preferred / 2);
  const rebind = reply.t2 || Math.trunc(address.preferred * 0.8);
  return {
    ...{ address: address.address, dns: reply.dns, server: Buffer.from(reply.serverId).toString("hex"), obtained: asked },
    ...{ valid: address.valid, preferred: address.preferred },
    ...{ renew: Math.min(renew, rebind, address.valid), rebind: Math.min(rebind, address.valid) },
  };
}

export const serverIdOf = (lease: Dhcp6Lease): Uint8Array => new Uint8Array(Buffer.from(lease.server, "hex"));

import { createHash } from "node:crypto";
import { addressesOf, type DhcpReply, numberOf, OPTION, textOf } from "./message.ts";

/** What a server granted: plain data, to be kept on disk and handed in again after a restart. */
export interface Dhcp4Lease {
  readonly address: string;
  /** `10.0.0.5/24` */
  readonly cidr: string;
  readonly router?: string;
  readonly dns: readonly string[];
  readonly domain?: string;
  readonly mtu?: number;
  readonly server: string;
  /** Whoever sent the ACK on this link: the server or its relay. Unicast goes there without asking ARP. */
  readonly serverMac: string;
  /** Milliseconds since the epoch. */
  readonly obtained: number;
  /** Seconds from `obtained`; infinite leases have 0xffffffff. */
  readonly lease: number;
  readonly renew: number;
  readonly rebind: number;
}

export const INFINITE = 0xffffffff;

/**
 * The lease of an ACK or an offer; undefined without what a lease must have. Times left out, or 0, are RFC 2131's (section 4.4.5): a half and seven
 * eighths.
 * @param now milliseconds since the epoch of the request: a lease counts from there
 */
export function leaseOf(reply: DhcpReply, serverMac: string, now: number): Dhcp4Lease | undefined {
  const [mask] = addressesOf(reply, OPTION.subnetMask);
  const [server] = addressesOf(reply, OPTION.serverId);
  const lease = numberOf(reply, OPTION.leaseTime);
  if (server === undefined || lease === undefined || lease === 0 || reply.yourAddress === "0.0.0.0") return undefined;
  const [router] = addressesOf(reply, OPTION.router);
  const domain = textOf(reply, OPTION.domain);
  const mtu = numberOf(reply, OPTION.mtu);
  const rebind = Math.min(numberOf(reply, OPTION.rebindingTime) || Math.trunc((lease * 7) / 8), lease);
  const renew = Math.min(numberOf(reply, OPTION.renewalTime) || Math.trunc(lease / 2), rebind);
  return {
    address: reply.yourAddress,
    cidr: `${reply.yourAddress}/${prefixOf(mask ?? "255.255.255.0")}`,
    ...(router === undefined ? {} : { router }),
    dns: addressesOf(reply, OPTION.dns),
    ...(domain === undefined ? {} : { domain }),
    ...(mtu === undefined || mtu < 68 ? {} : { mtu }),
    ...{ server, serverMac, obtained: now, lease, renew, rebind },
  };
}

const prefixOf = (mask: string): number =>
  mask.split(".").reduce((bits, octet) => bits + Number(octet).toString(2).replaceAll("0", "").length, 0);

/** Milliseconds since the epoch at which a lease ends; Infinity for one that does not. */
export const expiryOf = ({ obtained, lease }: Dhcp4Lease): number =>
  lease === INFINITE ? Number.POSITIVE_INFINITY : obtained + lease * 1000;

/** Docker's names may have what host names may not. RFC 952 and 1123: letters, digits and inner hyphens, at most 63. */
export function hostnameOf(name: string): string | undefined {
  const clean = name
    .replaceAll(/[^A-Za-z0-9-]+/g, "-")
    .replaceAll(/^-+/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return clean === "" ? undefined : clean;
}

/**
 * Option 61 of whatever has a stable name (a container on a network), in RFC 4361's form: type 255, IAID, DUID-UUID (RFC 6355). One MAC may so
 * have many clients, as on ipvlan, and a container stays itself on a server whatever its MAC.
 */
export function clientIdOf(key: string): Uint8Array {
  const digest = createHash("sha256").update(key).digest();
  return Uint8Array.from([255, ...digest.subarray(16, 20), 0, 4, ...digest.subarray(0, 16)]);
}

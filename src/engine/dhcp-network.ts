import { cidrHas, FairwayError, type Family, familyOf, formatCidr, invalid, parseCidr, parseIp } from "#base";
import { isLanDriver, parseLanOptions } from "#drivers";
import type { Context } from "./context.ts";
import type { DraftNetwork } from "./network-spec.ts";
import type { DhcpLease } from "./options.ts";
import type { NetworkRecord } from "./records.ts";

/** `--ipam-driver fairway-dhcp`: containers' addresses come from the LAN's own DHCP server. */
const DHCP_IPAM = "fairway-dhcp";
export const isDhcp = (network: Pick<NetworkRecord, "ipam">): boolean => network.ipam.driver === DHCP_IPAM;

/** The MAC of a container before it has an address to derive one from: its own id's, so that a server knows it again. */
export const dhcpMacOf = (containerId: string): string => `02:42:${containerId.slice(0, 8).match(/../g)!.join(":")}`;

/** What a lease means for a container. */
export interface Grant {
  readonly family: Family;
  /** `10.0.0.5/24` */
  readonly cidr: string;
  readonly router?: string;
}

/** DHCPv6 says nothing of the prefix: it is that of the network's subnet, or none (RFC 8415 section 18.2.10.1). */
export function grantOf(network: NetworkRecord, family: Family, { address, cidr, router }: DhcpLease): Grant {
  const pool = network.pools.find(({ subnet }) => cidrHas(parseCidr(subnet), parseIp(address)));
  const length = pool ? parseCidr(pool.subnet).prefix : 128;
  return { family, cidr: cidr ?? `${address}/${length}`, ...(router ? { router } : {}) };
}

/** A network whose addresses the LAN's server gives has the LAN's subnets: the parent's own, unless the user named them. @throws invalidParameter */
export function onLansSubnets(draft: DraftNetwork, context: Context): DraftNetwork {
  if (!isLanDriver(draft.driver)) {
    throw invalid(`IPAM driver ${DHCP_IPAM} needs a network on the LAN itself: driver macvlan or ipvlan, not ${draft.driver}`, {
      code: "dhcp-driver",
    });
  }
  const { parent, isolated } = parseLanOptions(draft);
  if (isolated) throw subnetUnknown(4, "no parent is named");
  const own = context.facts().link(parent)?.addresses ?? [];
  const named = (family: Family) => draft.ipam.config.some(({ subnet }) => subnet !== undefined && familyOf(subnet) === family);
  const missing = ([4, 6] as const).filter((family) => (family === 4 ? draft.ipv4 : draft.ipv6) && !named(family));
  const subnets = missing.map((family) => {
    const there = own.find((address) => familyOf(address) === family && isOnLink(address));
    if (there === undefined) throw subnetUnknown(family, `${parent} has no IPv${family} address`);
    return { subnet: formatCidr(parseCidr(there)) };
  });
  return { ...draft, ipam: { ...draft.ipam, config: [...subnets, ...draft.ipam.config] } };
}

/** An address that tells the LAN's subnet: neither link-local, nor a lone one that DHCPv6 gave. */
const isOnLink = (address: string): boolean => !/^(fe80:|169\.254\.)/i.test(address) && !/\/(32|128)$/.test(address);

const subnetUnknown = (family: Family, why: string) =>
  new FairwayError("invalidParameter", `Cannot tell the LAN's ${family === 4 ? "" : "IPv6 "}subnet: ${why}; give --subnet`, {
    code: "dhcp-subnet",
  });

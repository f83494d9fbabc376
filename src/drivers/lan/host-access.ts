/**
 * `fairway.host_access`. A parent never hands its own frames to the links that hang on it, so host and containers cannot talk through it; a further
 * link of the host's beside theirs can. Packet paths:
 *   host → container   route <container>/32 dev fw-<id> src <host's address here>, into the container's link by the kernel's own switch
 *   container → host   neighbour entry → fw-<id>, whether for the address here or for one of the parent's
 * Nothing else changes its way: the link has a /32 and no subnet route, and answers ARP only to those the host would answer through it.
 */
import { aliasOf, cidrHas, HOST, macToBytes, parseCidr, parseIp } from "#base";
import type { Item } from "#fabric";
import type { EndpointModel, NetworkModel, Pool } from "../driver.ts";
import { HOST_ACCESS_ADDRESS, isRouted, type LanOptions } from "./options.ts";
import { lowestOf, type Parent } from "./parent.ts";

/** `fw-` and the first 12 digits of the network's id: 15 characters, all that a name may have. */
export const hostAccessName = (networkId: string): string => `fw-${networkId.slice(0, 12)}`;

/** The host's own link on the network, with an address of each pool that has one for it. */
export function hostAccessLink(model: NetworkModel, options: LanOptions, parent: Parent): Item[] {
  const name = hostAccessName(model.id);
  const mac = hostAccessMac(model.id, options, parent);
  const sysctl = (key: string, value: string): Item => ({ type: "sysctl", ns: HOST, key, value, optional: true });
  const items: Item[] = [
    {
      type: "link",
      ns: HOST,
      name,
      data: { ...options.link, parent: parent.name },
      alias: aliasOf("host-access", model.id),
      ...(mac ? { mac } : {}),
      up: true,
    },
    // The LAN's own broadcasts reach this link too: answered here, the host's addresses would seem to move between two MACs.
    sysctl(`net/ipv4/conf/${name}/arp_filter`, "1"),
    sysctl(`net/ipv6/conf/${name}/accept_ra`, "0"),
    sysctl(`net/ipv6/conf/${name}/disable_ipv6`, model.ipv6 ? "0" : "1"),
  ];
  for (const pool of model.pools) {
    const address = pool.auxiliary[HOST_ACCESS_ADDRESS];
    if (address === undefined) continue;
    const length = pool.family === 4 ? 32 : 128;
    items.push({ type: "address", ns: HOST, link: name, address: `${address}/${length}`, ...(pool.family === 6 ? { noDad: true } : {}) });
  }
  return items;
}

/** The way between the host and one container. */
export function hostAccessRoutes(
  model: NetworkModel,
  point: EndpointModel,
  options: LanOptions,
  parent: Parent,
  mac: string | undefined,
): Item[] {
  const name = hostAccessName(model.id);
  const items: Item[] = [];
  for (const own of [point.ipv4, point.ipv6]) {
    if (!own) continue;
    const address = own.slice(0, own.indexOf("/"));
    const pool = poolOf(model, address);
    const reserved = pool?.auxiliary[HOST_ACCESS_ADDRESS];
    const native = pool ? parentAddresses(parent, pool) : [];
    const source = reserved ?? native[0];
    const length = address.includes(":") ? 128 : 32;
    items.push({ type: "route", ns: HOST, link: name, destination: `${address}/${length}`, ...(source ? { source } : {}) });
    // Asking by ARP with an address that is the parent's would tell the LAN that it has moved.
    if (!reserved && mac) items.push({ type: "neighbour", ns: HOST, link: name, address, mac });
    const link = hostAccessMac(model.id, options, parent) ?? lowestOf(parent)?.mac;
    // Nobody might answer the container: fw- is in no multicast group of the parent's addresses, and with arp_ignore the host answers for none of them.
    if (link && !isRouted(options)) {
      for (const there of reserved ? [...native, reserved] : native)
        items.push({ type: "neighbour", ns: point.sandbox, link: point.ifname, address: there, mac: link });
    }
  }
  return items;
}

export const poolOf = (model: NetworkModel, address: string): Pool | undefined => {
  const ip = parseIp(address);
  return model.pools.find((pool) => cidrHas(parseCidr(pool.subnet), ip));
};

/** The host's addresses on the parent that lie in a pool. */
function parentAddresses(parent: Parent, pool: Pool): string[] {
  const subnet = parseCidr(pool.subnet);
  const own = (parent.link?.addresses ?? []).map((address) => address.slice(0, address.indexOf("/")));
  return own.filter((address) => cidrHas(subnet, parseIp(address)));
}

/** One of this host alone, though a network's id may be the same on several: the id's first five bytes mixed with the parent's last five. */
function hostAccessMac(id: string, { link }: LanOptions, parent: Parent): string | undefined {
  if (link.kind === "ipvlan") return undefined;
  const below = macToBytes(lowestOf(parent)?.mac ?? "00:00:00:00:00:00");
  const octets = [0, 1, 2, 3, 4].map((at) => Number.parseInt(id.slice(2 * at, 2 * at + 2), 16) ^ below[at + 1]!);
  return ["06", ...octets.map((octet) => octet.toString(16).padStart(2, "0"))].join(":");
}

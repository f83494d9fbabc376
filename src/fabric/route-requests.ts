import { type FairwayError, internal } from "#base";
import type { NetlinkRequest } from "#kernel/netlink";
import {
  broadcastOf,
  encodeAppendFdb,
  encodeDeleteAddress,
  encodeDeleteFdb,
  encodeDeleteLink,
  encodeDeleteNeighbour,
  encodeDeleteRoute,
  encodeDeleteRule,
  encodeNewAddress,
  encodeNewLink,
  encodeNewRule,
  encodeReplaceFdb,
  encodeReplaceNeighbour,
  encodeReplaceRoute,
  encodeSetLink,
  type LinkInfo,
  type LinkRequest,
} from "#kernel/rtnetlink";
import type { Operation } from "./diff.ts";
import type { Item, LinkItem, LinkSettingItem } from "./types.ts";

/** Items that rtnetlink makes. */
export type RouteItemKind = Extract<Item, { type: "link" | "link-setting" | "address" | "route" | "rule" | "neighbour" | "fdb" }>;

/** Index of a sub-interface `eth0` in a sandbox; more than the kernel has given on any host by counting up. */
const SUB_INTERFACE_INDEX = 10_000_000;

/** On a VXLAN link: where frames to unknown MACs and to groups go. It has as many entries as there are VTEPs, and none is replaced. */
const FLOOD_MAC = "00:00:00:00:00:00";

/** What the requests of one namespace need to know of names. */
export interface Resolver {
  /** Index of a link in the namespace of the requests. @throws notFound */
  index(name: string): number;
  /** An open namespace, for links made in another. */
  namespace(ns: string): { readonly fd: number };
}

/** The requests that carry out one operation in the namespace `ns`, in order. */
export function requestsOf(operation: Operation, ns: string, resolver: Resolver): NetlinkRequest[] {
  if (operation.action === "delete") return deletion(operation.before as RouteItemKind, resolver);
  const item = operation.item as RouteItemKind;
  switch (item.type) {
    case "link":
      return operation.action === "create" ? newLink(item, ns, resolver) : changedLink(item, resolver);
    case "link-setting":
      return [encodeSetLink(changes(item))];
    case "address":
      return [encodeNewAddress(addressRequest(item, resolver))];
    case "route":
      return [encodeReplaceRoute(routeRequest(item, resolver))];
    case "rule":
      return [encodeNewRule(ruleRequest(item))];
    case "neighbour":
      return [encodeReplaceNeighbour({ index: resolver.index(item.link), address: item.address, mac: item.mac })];
    case "fdb":
      return [(item.mac === FLOOD_MAC ? encodeAppendFdb : encodeReplaceFdb)(fdbRequest(item, resolver))];
  }
}

function deletion(item: RouteItemKind, resolver: Resolver): NetlinkRequest[] {
  switch (item.type) {
    case "link":
      return [encodeDeleteLink({ name: item.name })];
    case "link-setting":
      return item.promiscuous ? [encodeSetLink({ name: item.name, promiscuous: false })] : [];
    case "address":
      return [encodeDeleteAddress({ index: resolver.index(item.link), address: item.address })];
    case "route":
      return [encodeDeleteRoute(routeRequest(item, resolver))];
    case "rule":
      return [encodeDeleteRule(ruleRequest(item))];
    case "neighbour":
      return [encodeDeleteNeighbour({ index: resolver.index(item.link), address: item.address })];
    case "fdb":
      return [encodeDeleteFdb(fdbRequest(item, resolver))];
  }
}

/** The kernel ignores IFLA_IFALIAS in a create, so it comes right after, in the same send: no death of ours falls between the two. */
function newLink(item: LinkItem, ns: string, resolver: Resolver): NetlinkRequest[] {
  const { data } = item;
  const here = item.ns === ns;
  const isBridge = data.kind === "bridge";
  const request: LinkRequest & { info: LinkInfo } = {
    name: item.name,
    info: infoOf(item, resolver),
    up: here && item.up,
    ...(item.mac ? { mac: item.mac } : {}),
    ...(item.mtu && !isBridge ? { mtu: item.mtu } : {}),
    ...(item.master ? { master: resolver.index(item.master) } : {}),
    ...("parent" in data && data.parent !== undefined && data.kind !== "vxlan" ? { parent: resolver.index(data.parent) } : {}),
    ...(here ? {} : { namespace: resolver.namespace(item.ns), ...indexApart(item) }),
    ...(data.kind === "veth" ? { peer: peerOf(data.peer, ns, resolver) } : {}),
  };
  const requests = [encodeNewLink(request)];
  // A bridge follows its ports' MTU, unless its own was set by a change.
  if (here) requests.push(encodeSetLink({ name: item.name, alias: item.alias, ...(item.mtu && isBridge ? { mtu: item.mtu } : {}) }));
  if (item.hairpin) requests.push(encodeSetLink({ name: item.name, bridgePort: { hairpin: true } }));
  return requests;
}

/**
 * A sub-interface in a sandbox gets an index far from those the kernel gives, for two reasons. Linux 6.1 refuses a create without an index
 * (EEXIST) when its name is taken in the parent's namespace, and every host has an eth0. And with the parent's own number, programs that look only at
 * IFLA_LINK (busybox' `ip`) show `eth0@eth0`.
 */
function indexApart({ data, name }: LinkItem): { index?: number } {
  if (data.kind !== "macvlan" && data.kind !== "ipvlan") return {};
  const number = /^eth(\d{1,3})$/.exec(name)?.[1];
  if (number !== undefined) return { index: SUB_INTERFACE_INDEX + Number(number) };
  let hash = 0;
  for (const octet of Buffer.from(name)) hash = (hash * 31 + octet) % 1_000_003;
  return { index: SUB_INTERFACE_INDEX + 1000 + hash };
}

function peerOf(peer: Extract<LinkItem["data"], { kind: "veth" }>["peer"], ns: string, resolver: Resolver): LinkRequest {
  return {
    name: peer.name,
    ...(peer.mac ? { mac: peer.mac } : {}),
    ...(peer.mtu ? { mtu: peer.mtu } : {}),
    ...(peer.ns === ns ? {} : { namespace: resolver.namespace(peer.ns) }),
  };
}

function infoOf({ data }: LinkItem, resolver: Resolver): LinkInfo {
  switch (data.kind) {
    case "bridge":
      return data.multicastSnooping === undefined ? { kind: "bridge" } : { kind: "bridge", multicastSnooping: data.multicastSnooping };
    case "veth":
    case "dummy":
      return { kind: data.kind };
    case "macvlan":
      return { kind: "macvlan", mode: data.mode };
    case "ipvlan":
      return { kind: "ipvlan", mode: data.mode, flag: data.flag };
    case "vlan":
      return { kind: "vlan", id: data.id };
    case "vxlan":
      return {
        ...{ kind: "vxlan", id: data.vni, port: data.port, learning: data.learning, proxy: data.proxy },
        ...(data.local ? { local: data.local } : {}),
        ...(data.parent ? { link: resolver.index(data.parent) } : {}),
      };
  }
}

/** What can change in a link that stays. The kernel sets a port's attributes before it makes the link one, so they come in a message of their own. */
function changedLink(item: LinkItem, resolver: Resolver): NetlinkRequest[] {
  const { name, alias, up, mac, mtu, master, hairpin, promiscuous } = item;
  const request = encodeSetLink({
    ...{ name, alias, up },
    ...(mac ? { mac } : {}),
    ...(mtu ? { mtu } : {}),
    ...(master ? { master: resolver.index(master) } : {}),
    ...(promiscuous === undefined ? {} : { promiscuous }),
  });
  return hairpin === undefined ? [request] : [request, encodeSetLink({ name, bridgePort: { hairpin } })];
}

const changes = ({ name, up, mac, mtu, promiscuous }: LinkSettingItem): LinkRequest => ({
  name,
  ...(up === undefined ? {} : { up }),
  ...(mac === undefined ? {} : { mac }),
  ...(mtu === undefined ? {} : { mtu }),
  ...(promiscuous === undefined ? {} : { promiscuous }),
});

/** With the subnet's broadcast address, where there is room for one (RFC 3021: not in a /31). */
const addressRequest = ({ link, address, noDad }: Extract<Item, { type: "address" }>, resolver: Resolver) => ({
  index: resolver.index(link),
  address,
  ...(noDad ? { noDad } : {}),
  ...(address.includes(":") || Number(address.slice(address.indexOf("/") + 1)) > 30 ? {} : { broadcast: broadcastOf(address) }),
});

const routeRequest = (item: Extract<Item, { type: "route" }>, resolver: Resolver) => ({
  destination: item.destination,
  index: resolver.index(item.link),
  ...(item.gateway ? { gateway: item.gateway } : {}),
  ...(item.source ? { source: item.source } : {}),
  ...(item.metric === undefined ? {} : { metric: item.metric }),
  ...(item.table === undefined ? {} : { table: item.table }),
  ...(item.onlink ? { onlink: true } : {}),
});

const ruleRequest = ({ family, priority, table, from, to, mark }: Extract<Item, { type: "rule" }>) => ({
  ...{ family, priority, table },
  ...(from ? { from } : {}),
  ...(to ? { to } : {}),
  ...(mark === undefined ? {} : { mark }),
});

const fdbRequest = (item: Extract<Item, { type: "fdb" }>, resolver: Resolver) => ({
  index: resolver.index(item.link),
  mac: item.mac,
  ...(item.destination ? { destination: item.destination } : {}),
});

/** Raised while requests are built, so that nothing of the operation has been sent. */
export const noSuchLink = (name: string, ns: string): FairwayError =>
  internal(`no link ${name}${ns === "host" ? "" : ` in ${ns}`}`, { code: "no-such-link", context: { name, ns } });

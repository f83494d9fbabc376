import { HOST } from "#base";
import { keyOf, sameItem } from "./key.ts";
import type { DesiredState, Item, LinkItem } from "./types.ts";

/** One step from what is to what should be. `before` is set for `change` and `delete`. */
export type Operation =
  | { readonly action: "create"; readonly item: Item }
  | { readonly action: "change"; readonly item: Item; readonly before: Item }
  | { readonly action: "delete"; readonly before: Item };

/** The difference between two states, in the order in which it can be applied: deletions from the leaves down, then creations from the roots up. */
export function diff(before: DesiredState, after: DesiredState): Operation[] {
  const old = indexOf(before);
  const wanted = indexOf(after);
  const removals: Item[] = [];
  const operations: Operation[] = [];
  for (const [key, item] of old) {
    const next = wanted.get(key);
    if (!next || mustRemake(item, next)) removals.push(item);
  }
  for (const [key, item] of wanted) {
    const previous = old.get(key);
    if (!previous || mustRemake(previous, item)) operations.push({ action: "create", item });
    else if (!sameItem(previous, item)) operations.push({ action: "change", item, before: previous });
  }
  // Also where the old state has items on a link it has not: a sysctl that is optional counts as there while its link is gone.
  const remade = new Set(
    operations.flatMap((operation) => (operation.action === "create" && operation.item.type === "link" ? placesOf(operation.item) : [])),
  );
  if (remade.size > 0) recreateOn(remade, wanted, operations);
  return [...orderDeletions(removals), ...orderCreations(operations)];
}

function indexOf(state: DesiredState): Map<string, Item> {
  const index = new Map<string, Item>();
  for (const item of state) index.set(keyOf(item), item);
  return index;
}

/** Link attributes the kernel fixes at creation. */
function mustRemake(before: Item, after: Item): boolean {
  return before !== after && before.type === "link" && after.type === "link" && !sameItem(structureOf(before), structureOf(after));
}

const structureOf = (link: LinkItem): LinkItem => ({
  type: "link",
  ns: link.ns,
  name: link.name,
  alias: "",
  up: false,
  data: dataOf(link),
});

function dataOf(link: LinkItem): LinkItem["data"] {
  if (link.data.kind === "veth") return { kind: "veth", peer: { ns: link.data.peer.ns, name: link.data.peer.name } };
  // IFLA_MACVLAN_MODE can change in place, but not to or from passthru; remaking is rare enough to be the one way.
  if (link.data.kind === "bridge") return { kind: "bridge" };
  return link.data;
}

/** `ns link` of a link and, for a veth, of its peer: everything there vanishes with it. */
function placesOf(link: LinkItem): string[] {
  const own = `${link.ns} ${link.name}`;
  return link.data.kind === "veth" ? [own, `${link.data.peer.ns} ${link.data.peer.name}`] : [own];
}

/** Where an item hangs, `ns link`, if it hangs on a link. */
function placeOf(item: Item): string | undefined {
  switch (item.type) {
    case "address":
    case "route":
    case "neighbour":
    case "fdb":
      return `${item.ns} ${item.link}`;
    case "link-setting":
      return `${item.ns} ${item.name}`;
    case "sysctl": {
      const link = linkOfSysctl(item.key);
      return link === undefined ? undefined : `${item.ns} ${link}`;
    }
    default:
      return undefined;
  }
}

/** Whether an item goes, or stops working, with a link of the host's: what is on it, a bridge's ports, and links above it in whatever namespace. */
export function hangsOn(item: Item, link: string): boolean {
  if (placeOf(item) === `${HOST} ${link}`) return true;
  return item.type === "link" && ((item.ns === HOST && item.master === link) || ("parent" in item.data && item.data.parent === link));
}

/** The link a sysctl is of: `net/ipv4/conf/eth0/rp_filter` → `eth0`. */
export const linkOfSysctl = (key: string): string | undefined => LINK_SYSCTL.exec(key)?.[1];

const LINK_SYSCTL = /^net\/(?:ipv4|ipv6|mpls)\/(?:conf|neigh)\/(?!all\/|default\/)([^/]+)\//;

/** A remade link lost what hung on it: those items count as new even where nothing about them changed. */
function recreateOn(places: ReadonlySet<string>, wanted: ReadonlyMap<string, Item>, operations: Operation[]) {
  const already = new Set(operations.map((operation) => (operation.action === "delete" ? "" : keyOf(operation.item))));
  for (const [key, item] of wanted) {
    const place = placeOf(item);
    const lost = place !== undefined && places.has(place);
    const orphanedPort = item.type === "link" && item.master !== undefined && places.has(`${item.ns} ${item.master}`);
    if (already.has(key)) continue;
    if (lost) operations.push({ action: "create", item });
    else if (orphanedPort) operations.push({ action: "change", item, before: item });
  }
}

function orderDeletions(items: readonly Item[]): Operation[] {
  const dying = new Set(items.filter((item) => item.type === "link").flatMap(placesOf));
  const kept = items.filter((item) => {
    if (item.type === "sysctl" || (item.type === "link-setting" && !item.promiscuous)) return false;
    return !dying.has(placeOf(item) ?? "");
  });
  const ranked = kept.map((item, index) => ({ item, index, rank: -rankOf(item) }));
  ranked.sort((a, b) => a.rank - b.rank || b.index - a.index);
  return ranked.map(({ item }) => ({ action: "delete", before: item }));
}

function orderCreations(operations: readonly Operation[]): Operation[] {
  const ranked = operations.map((operation, index) => ({
    operation,
    index,
    rank: operation.action === "delete" ? 0 : rankOf(operation.item),
  }));
  ranked.sort((a, b) => a.rank - b.rank || a.index - b.index);
  return ranked.map(({ operation }) => operation);
}

/** Host sysctls, parents, links, link sysctls, addresses, up, routes, rules, neighbours, then the firewall. */
function rankOf(item: Item): number {
  switch (item.type) {
    case "sysctl":
      return placeOf(item) === undefined ? 0 : 4;
    case "link":
      return LINK_RANK[item.data.kind];
    case "address":
      return 5;
    case "link-setting":
      return 6;
    case "route":
      // A default route's gateway must be on a link whose own routes are there already.
      return item.gateway === undefined ? 7 : 8;
    case "rule":
      return 9;
    case "neighbour":
    case "fdb":
      return 10;
    case "sandbox-table":
      return 11;
    case "element":
      return 12;
  }
}

const LINK_RANK = { dummy: 1, bridge: 1, vlan: 2, vxlan: 2, veth: 3, macvlan: 3, ipvlan: 3 } as const;

/** One line a step, for dry runs, drift reports and error messages. */
export function describeOperation(operation: Operation): string {
  const item = operation.action === "delete" ? operation.before : operation.item;
  const sign = { create: "+", change: "~", delete: "-" }[operation.action];
  return `${sign} ${describeItem(item)}`;
}

export function describeItem(item: Item): string {
  const where = "ns" in item && item.ns !== "host" ? ` in ${item.ns}` : "";
  switch (item.type) {
    case "link":
      return `link ${item.name} (${item.data.kind})${where}`;
    case "link-setting":
      return `settings of link ${item.name}${where}`;
    case "address":
      return `address ${item.address} on ${item.link}${where}`;
    case "route":
      return `route ${item.destination}${item.gateway ? ` via ${item.gateway}` : ""} dev ${item.link}${where}`;
    case "rule":
      return `rule ${item.priority} from ${item.from ?? "all"} lookup ${item.table}${where}`;
    case "neighbour":
      return `neighbour ${item.address} at ${item.mac} on ${item.link}${where}`;
    case "fdb":
      return `fdb ${item.mac}${item.destination ? ` via ${item.destination}` : ""} on ${item.link}${where}`;
    case "sysctl":
      return `sysctl ${item.key}=${item.value}${where}`;
    case "element":
      return `element ${item.key.join(" . ")}${item.value ? ` : ${item.value.join(" . ")}` : ""} of ${item.set}`;
    case "sandbox-table":
      return `nftables table${where}`;
  }
}

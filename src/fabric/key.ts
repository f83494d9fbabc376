import type { ElementItem, Item, RouteItem } from "./types.ts";

/** What makes two items the same kernel object, whatever their attributes: the key of every index and diff. */
export function keyOf(item: Item): string {
  switch (item.type) {
    case "link":
      return `link ${item.ns} ${item.name}`;
    case "link-setting":
      return `setting ${item.ns} ${item.name}`;
    case "address":
      return `address ${item.ns} ${item.link} ${item.address}`;
    case "route":
      return routeKey(item.ns, item);
    case "rule":
      return `rule ${item.ns} ${item.family} ${item.priority} ${item.from ?? ""} ${item.to ?? ""} ${item.mark ?? ""} ${item.table}`;
    case "neighbour":
      return `neighbour ${item.ns} ${item.link} ${item.address}`;
    case "fdb":
      return `fdb ${item.ns} ${item.link} ${item.mac} ${item.destination ?? ""}`;
    case "sysctl":
      return `sysctl ${item.ns} ${item.key}`;
    case "element":
      return elementKey(item);
    case "sandbox-table":
      return `table ${item.ns}`;
  }
}

/** fib_table_insert(): one route a table, destination and priority; gateway and link are its attributes. */
export const routeKey = (ns: string, { table, destination, metric }: Pick<RouteItem, "table" | "destination" | "metric">): string =>
  `route ${ns} ${table ?? MAIN_TABLE} ${destination} ${metric ?? (destination.includes(":") ? IP6_RT_PRIO_USER : 0)}`;

/** What an IPv6 route gets that has no metric (include/net/ip6_route.h). */
const IP6_RT_PRIO_USER = 1024;

export const elementKey = (item: Pick<ElementItem, "set" | "key">): string => `element ${item.set} ${item.key.join(" . ")}`;

/** RT_TABLE_MAIN (linux/rtnetlink.h). */
export const MAIN_TABLE = 254;

/** True when two items of one key ask for the same attributes; one that is undefined is as one that is not there. */
export function sameItem(a: Item, b: Item): boolean {
  return same(a, b);
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const name in left) if (!same(left[name], right[name])) return false;
  for (const name in right) if (right[name] !== undefined && left[name] === undefined) return false;
  return true;
}

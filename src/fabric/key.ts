import type { ElementItem, Item } from "./types.ts";

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
      // fib_table_insert(): one route a table, destination and priority; gateway and link are its attributes.
      return `route ${item.ns} ${item.table ?? MAIN_TABLE} ${item.destination} ${item.metric ?? 0}`;
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

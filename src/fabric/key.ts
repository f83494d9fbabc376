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

/** True when two items of one key ask for the same attributes. */
export function sameItem(a: Item, b: Item): boolean {
  return a === b || stable(a) === stable(b);
}

/** Structural text with sorted keys and undefined left out, so that field order does not matter. */
function stable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, field]) => `${name}:${stable(field)}`).join(",")}}`;
}

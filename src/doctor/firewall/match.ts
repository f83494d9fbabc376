import { type Family, firstOf, type Ip, isIp, lastOf, parseCidr, parseIp } from "#base";
import type { Condition, Flow, Value } from "./model.ts";

/** `narrow`: only some packets of the flow; `unknown`: nobody can say without the packet. */
export type Match = "yes" | "no" | "narrow" | "unknown";

/** What several conditions together say of a flow. */
export function matchAll(conditions: readonly Condition[], flow: Flow): Match {
  let all: Match = "yes";
  for (const condition of conditions) {
    const one = match(condition, flow);
    if (one === "no") return "no";
    if (one === "unknown" || (one === "narrow" && all === "yes")) all = one;
  }
  return all;
}

function match(condition: Condition, flow: Flow): Match {
  if (condition.field === "narrow") return "narrow";
  if (condition.field === "opaque") return "unknown";
  const found = anyOf(condition, flow);
  if (!condition.negated) return found;
  return found === "yes" ? "no" : found === "no" ? "yes" : found;
}

function anyOf({ field, values }: Extract<Condition, { values: unknown }>, flow: Flow): Match {
  switch (field) {
    case "iif":
    case "oif": {
      const name = flow[field];
      return name === undefined ? "unknown" : some(values, (value) => matchesName(String(value), name));
    }
    case "state":
      // `DNAT` is a state of iptables', of a connection that is translated.
      return some(values, (value) => value === flow.state || (value === "dnat" && flow.dnat));
    case "status":
      // Connections of ours are seen-reply or confirmed as it happens; only the translation is known.
      return values.every((value) => value === "dnat") ? (flow.dnat ? "yes" : "no") : "unknown";
    case "family":
      return some(values, (value) => (flow.family === 4 ? value === "ipv4" || value === "ip" : value === "ipv6" || value === "ip6"));
    case "proto":
      return some(values, (value) => value === "tcp" || value === "6" || value === "all") === "yes"
        ? "yes"
        : some(values, (value) => value === "udp" || value === "17") === "yes"
          ? "narrow"
          : "no";
    case "mark":
      return some(values, (value) => Number(value) === 0);
    case "fib-type":
      // A packet that is being forwarded is not for an address of the host's.
      return flow.hook === "forward" ? (values.includes("unicast") ? "yes" : "no") : "unknown";
    case "saddr":
    case "daddr": {
      const address = flow[field];
      if (address !== undefined) return some(values, (value) => matchesAddress(value, address));
      return some(values, (value) => isEverything(value, flow)) === "yes" ? "yes" : "narrow";
    }
  }
}

const some = (values: readonly Value[], test: (value: Value) => boolean): Match => (values.some(test) ? "yes" : "no");

/** `br-*` as nft writes it; `br-+` has been made into that. */
export const matchesName = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

const isEverything = (value: Value, flow: Flow): boolean =>
  typeof value === "object" && "prefix" in value && value.prefix === (flow.family === 4 ? "0.0.0.0/0" : "::/0");

/** First and last address that a value means; undefined for what is none. */
export interface AddressRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

export function rangeOf(value: Value): AddressRange | undefined {
  const text = typeof value === "string" ? value : "prefix" in value ? value.prefix : value.from;
  const address = text.split("/")[0]!;
  if (!isIp(address)) return undefined;
  const { family, value: first } = parseIp(address);
  if (typeof value === "object" && "to" in value) return { family, first, last: isIp(value.to) ? parseIp(value.to).value : first };
  if (!text.includes("/")) return { family, first, last: first };
  const prefix = parseCidr(text);
  return { family, first: firstOf(prefix), last: lastOf(prefix) };
}

export const isIn = (ip: Ip, range: AddressRange): boolean =>
  ip.family === range.family && range.first <= ip.value && ip.value <= range.last;

function matchesAddress(value: Value, address: string): boolean {
  const range = rangeOf(value);
  return range !== undefined && isIn(parseIp(address), range);
}

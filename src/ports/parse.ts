import { type FairwayError, formatIp, invalid, parseIp } from "#base";
import { type PortRange, PROTOCOLS, type Protocol } from "./types.ts";

const MAX_PORT = 65535;

/** Docker's words; the specification is quoted the way it came. */
const refuse = (specification: string): FairwayError =>
  invalid(`invalid port specification: ${JSON.stringify(specification)}`, { code: "bad-port", context: { value: specification } });

function portNumber(text: string): number | undefined {
  if (text.length === 0 || text.length > 5) return undefined;
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= MAX_PORT ? value : undefined;
}

function rangeOf(text: string): PortRange | undefined {
  const dash = text.indexOf("-");
  const from = portNumber(dash < 0 ? text : text.slice(0, dash));
  const to = dash < 0 ? from : portNumber(text.slice(dash + 1));
  return from === undefined || to === undefined || to < from ? undefined : { from, to };
}

/**
 * A container's port: `80`, `80/tcp`, `8000-8010/udp`. The protocol is tcp unless given, in any case.
 * @throws invalidParameter, code `bad-port`
 */
export function parsePort(text: string): PortRange & { readonly proto: Protocol } {
  const slash = text.indexOf("/");
  const ports = slash < 0 ? text : text.slice(0, slash);
  const name = (slash < 0 ? "" : text.slice(slash + 1)).toLowerCase() || "tcp";
  const proto = PROTOCOLS.find((known) => known === name);
  if (!proto) throw refuse(text);
  const range = rangeOf(ports);
  if (!range || range.from === 0) throw refuse(ports);
  return { proto, from: range.from, to: range.to };
}

/**
 * A binding's host port: `""` and `"0"` for an ephemeral one (undefined), `"8080"`, `"8000-8010"`.
 * @throws invalidParameter, code `bad-port`
 */
export function parseHostPort(text: string): PortRange | undefined {
  if (text === "" || text === "0") return undefined;
  const range = rangeOf(text);
  if (!range || range.from === 0) throw refuse(text);
  return range;
}

/** A binding's host address in canonical text; an IPv4-mapped one as IPv4. @throws invalidParameter, code `bad-ip` */
export function parseHostIp(text: string): string {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const ip = parseIp(bare);
  const mapped = ip.family === 6 && ip.value >> 32n === 0xffffn;
  return formatIp(mapped ? { family: 4, value: ip.value & 0xffff_ffffn } : ip);
}

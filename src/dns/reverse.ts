import type { NameKey } from "./name.ts";

const IN_ADDR_ARPA = "\x07in-addr\x04arpa";
const IP6_ARPA = "\x03ip6\x04arpa";

/** The IPv4 address a `in-addr.arpa` name (RFC 1035 §3.5) stands for, as a number; -1 for any other name. */
export function reverse4(key: NameKey): number {
  if (!key.endsWith(IN_ADDR_ARPA)) return -1;
  let value = 0;
  let factor = 1;
  let at = 0;
  for (let octets = 0; octets < 4; octets++) {
    const length = key.charCodeAt(at);
    if (length > 3) return -1;
    const text = key.slice(at + 1, at + 1 + length);
    if (!/^(0|[1-9]\d{0,2})$/.test(text) || Number(text) > 255) return -1;
    value += Number(text) * factor;
    factor *= 256;
    at += 1 + length;
  }
  return at === key.length - IN_ADDR_ARPA.length ? value : -1;
}

/** The 16 octets, as latin1, that an `ip6.arpa` name (RFC 3596 §2.5) stands for. */
export function reverse6(key: NameKey): string | undefined {
  if (!key.endsWith(IP6_ARPA) || key.length !== 64 + IP6_ARPA.length) return undefined;
  let hex = "";
  for (let at = 62; at >= 0; at -= 2) {
    if (key.charCodeAt(at) !== 1) return undefined;
    hex += key[at + 1];
  }
  return /^[0-9a-f]{32}$/.test(hex) ? Buffer.from(hex, "hex").toString("latin1") : undefined;
}

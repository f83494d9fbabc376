import { isIPv4, isIPv6 } from "node:net";
import { invalid } from "./errors.ts";

export type Family = 4 | 6;

/** An IP address as a number, for arithmetic. Everywhere else an address is its canonical text: RFC 4632 dotted quad, RFC 5952 for IPv6. */
export interface Ip {
  readonly family: Family;
  readonly value: bigint;
}

/** A network prefix whose host bits are zero. */
export interface Cidr {
  readonly family: Family;
  readonly base: bigint;
  readonly prefix: number;
}

export const widthOf = (family: Family): 32 | 128 => (family === 4 ? 32 : 128);
export const isIp = (text: string): boolean => isIPv4(text) || (isIPv6(text) && !text.includes("%"));
export const familyOf = (text: string): Family => (text.includes(":") ? 6 : 4);

/** @throws invalidParameter when the text is no IPv4 or IPv6 address */
export function parseIp(text: string): Ip {
  if (isIPv4(text)) {
    let value = 0;
    for (const part of text.split(".")) value = value * 256 + Number(part);
    return { family: 4, value: BigInt(value) };
  }
  if (!isIPv6(text) || text.includes("%")) throw invalid(`invalid IP address: ${text}`, { code: "bad-ip", context: { value: text } });
  let head = text;
  const quad = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (quad) {
    const low = Number(parseIp(quad[2]!).value);
    head = `${quad[1]}${(low >>> 16).toString(16)}:${(low & 0xffff).toString(16)}`;
  }
  const [left = "", right] = head.split("::") as [string, string | undefined];
  const leftParts = left === "" ? [] : left.split(":");
  const rightParts = right === undefined || right === "" ? [] : right.split(":");
  const gap = right === undefined ? 0 : 8 - leftParts.length - rightParts.length;
  const groups = [...leftParts, ...Array<string>(gap).fill("0"), ...rightParts];
  let value = 0n;
  for (const group of groups) value = (value << 16n) | BigInt(Number.parseInt(group, 16));
  return { family: 6, value };
}

/** Canonical text (RFC 5952: lower case, longest zero run compressed). */
export function formatIp(ip: Ip): string {
  if (ip.family === 4) {
    const value = Number(ip.value);
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  const groups = Array.from({ length: 8 }, (_, index) => Number((ip.value >> BigInt(112 - 16 * index)) & 0xffffn));
  let best = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) [best, bestLength] = [start, length];
  }
  const hex = groups.map((group) => group.toString(16));
  return best < 0 ? hex.join(":") : `${hex.slice(0, best).join(":")}::${hex.slice(best + bestLength).join(":")}`;
}

/** Canonical form of any valid address text. @throws invalidParameter */
export const canonicalIp = (text: string): string => formatIp(parseIp(text));

/** Network byte order, 4 or 16 bytes. */
export function ipToBytes(text: string): Uint8Array {
  const { family, value } = parseIp(text);
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  let rest = value;
  for (let index = bytes.length - 1; index >= 0; index--, rest >>= 8n) bytes[index] = Number(rest & 255n);
  return bytes;
}

export function bytesToIp(bytes: Uint8Array): string {
  let value = 0n;
  for (const octet of bytes) value = (value << 8n) | BigInt(octet);
  return formatIp({ family: bytes.length === 4 ? 4 : 6, value });
}

const hostMask = (family: Family, prefix: number): bigint => (1n << BigInt(widthOf(family) - prefix)) - 1n;

/** Splits `a.b.c.d/len` without asking that host bits be zero. @throws invalidParameter */
export function parsePrefix(text: string): { ip: Ip; prefix: number } {
  const slash = text.indexOf("/");
  const length = slash < 0 ? "" : text.slice(slash + 1);
  if (slash < 0 || !/^\d{1,3}$/.test(length) || !isIp(text.slice(0, slash)))
    throw invalid(`invalid CIDR address: ${text}`, { code: "bad-cidr", context: { value: text } });
  const ip = parseIp(text.slice(0, slash));
  const prefix = Number(length);
  if (prefix > widthOf(ip.family)) throw invalid(`invalid CIDR address: ${text}`, { code: "bad-cidr", context: { value: text } });
  return { ip, prefix };
}

/** The network of `a.b.c.d/len`, host bits cleared. @throws invalidParameter */
export function parseCidr(text: string): Cidr {
  const { ip, prefix } = parsePrefix(text);
  return { family: ip.family, base: ip.value & ~hostMask(ip.family, prefix), prefix };
}

export const formatCidr = (cidr: Cidr): string => `${formatIp({ family: cidr.family, value: cidr.base })}/${cidr.prefix}`;
export const firstOf = (cidr: Cidr): bigint => cidr.base;
export const lastOf = (cidr: Cidr): bigint => cidr.base | hostMask(cidr.family, cidr.prefix);
export const cidrHas = (cidr: Cidr, ip: Ip): boolean => cidr.family === ip.family && ip.value >= cidr.base && ip.value <= lastOf(cidr);
export const cidrContains = (outer: Cidr, inner: Cidr): boolean =>
  outer.family === inner.family && inner.base >= outer.base && lastOf(inner) <= lastOf(outer);
export const cidrOverlaps = (a: Cidr, b: Cidr): boolean => a.family === b.family && a.base <= lastOf(b) && b.base <= lastOf(a);

/** `10.0.0.5` in `10.0.0.0/24` → `10.0.0.5/24`: the form an interface address has. */
export const withPrefixOf = (address: string, subnet: string): string => `${address}${subnet.slice(subnet.indexOf("/"))}`;

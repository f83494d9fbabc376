import { bytesToIp, bytesToMac, formatIp, invalid, ipToBytes, macToBytes, parseCidr, parseIp, parseMac } from "#base";

/** nft's data types that keys and values are made of. */
export type SetField = "ifname" | "inet_proto" | "inet_service" | "ipv4_addr" | "ipv6_addr" | "ether_addr" | "mark";

interface FieldType {
  /** Bytes of the value itself; in a concatenation each field is padded to whole 4-byte registers. */
  readonly size: number;
  /** nft's number for the type, told to the kernel so that `nft list` can print the set. */
  readonly id: number;
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array): string;
}

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, "ipv6-icmp": 58, sctp: 132, udplite: 136 };
const PROTOCOL_NAMES = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));

function number(text: string, limit: number, what: string): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= limit)) throw invalid(`Cannot encode "${text}" as ${what}: it must be a number up to ${limit}`, { code: "bad-element" });
  return value;
}

function address(text: string, size: 4 | 16): Uint8Array {
  const bytes = ipToBytes(text);
  if (bytes.length !== size) throw invalid(`Cannot encode ${text} as ipv${size === 4 ? 4 : 6}_addr`, { code: "bad-element" });
  return bytes;
}

const nulTerminated = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
};

function ifname(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const name = Buffer.from(text, "utf8");
  if (name.length === 0 || name.length > 15)
    throw invalid(`Cannot encode interface name "${text}": it must have 1 to 15 bytes`, { code: "bad-element" });
  bytes.set(name);
  return bytes;
}

const service = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);

export const FIELDS: Readonly<Record<SetField, FieldType>> = {
  ifname: { size: 16, id: 41, encode: ifname, decode: nulTerminated },
  inet_proto: {
    size: 1,
    id: 12,
    encode: (text) => Uint8Array.of(PROTOCOLS[text] ?? number(text, 255, "inet_proto")),
    decode: (bytes) => PROTOCOL_NAMES.get(bytes[0]!) ?? String(bytes[0]),
  },
  inet_service: {
    size: 2,
    id: 13,
    encode: (text) => service(number(text, 65535, "inet_service")),
    decode: (bytes) => String((bytes[0]! << 8) | bytes[1]!),
  },
  ipv4_addr: { size: 4, id: 7, encode: (text) => address(text, 4), decode: bytesToIp },
  ipv6_addr: { size: 16, id: 8, encode: (text) => address(text, 16), decode: bytesToIp },
  ether_addr: { size: 6, id: 9, encode: (text) => macToBytes(parseMac(text)), decode: bytesToMac },
  // Marks are in host order; it is little-endian wherever we run.
  mark: {
    size: 4,
    id: 19,
    encode: (text) => new Uint8Array(Uint32Array.of(number(text, 0xffffffff, "mark")).buffer),
    decode: (bytes) => `0x${new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true).toString(16).padStart(8, "0")}`,
  },
};

export const paddedSize = (field: SetField): number => (FIELDS[field].size + 3) & ~3;
export const concatSize = (fields: readonly SetField[]): number => fields.reduce((sum, field) => sum + paddedSize(field), 0);

/** nft's number of a concatenation: six bits a field, first field highest. */
export const typeIdOf = (fields: readonly SetField[]): number => fields.reduce((id, field) => ((id << 6) | FIELDS[field].id) >>> 0, 0);

/** Field values one after another, each padded to registers. A single field stands unpadded. @throws invalidParameter */
export function encodeFields(fields: readonly SetField[], parts: readonly string[]): Uint8Array {
  if (parts.length !== fields.length)
    throw invalid(`Cannot encode ${JSON.stringify(parts)}: ${fields.length} parts are wanted (${fields.join(" . ")})`, {
      code: "bad-element",
    });
  if (fields.length === 1) return FIELDS[fields[0]!].encode(parts[0]!);
  const bytes = new Uint8Array(concatSize(fields));
  let at = 0;
  for (const [index, field] of fields.entries()) {
    bytes.set(FIELDS[field].encode(parts[index]!), at);
    at += paddedSize(field);
  }
  return bytes;
}

/** Cuts a key or value into the bytes of its fields. @throws RangeError when it is shorter */
function slices(fields: readonly SetField[], bytes: Uint8Array): Uint8Array[] {
  const last = fields.at(-1)!;
  const needed = concatSize(fields) - paddedSize(last) + FIELDS[last].size;
  if (bytes.length < needed) throw new RangeError(`Cannot decode ${fields.join(" . ")}: it needs ${needed} bytes and has ${bytes.length}`);
  let at = 0;
  return fields.map((field) => {
    const slice = bytes.subarray(at, at + FIELDS[field].size);
    at += paddedSize(field);
    return slice;
  });
}

export const decodeFields = (fields: readonly SetField[], bytes: Uint8Array): string[] =>
  slices(fields, bytes).map((slice, index) => FIELDS[fields[index]!].decode(slice));

const isAddress = (field: SetField): boolean => field === "ipv4_addr" || field === "ipv6_addr";

/** The first and last value of `10.0.0.0/8`, `8000-8100`, `10.0.0.1-10.0.0.9` or a single value. @throws invalidParameter */
export function boundsOf(field: SetField, part: string): [first: string, last: string] {
  if (isAddress(field) && part.includes("/")) {
    const { family, base, prefix } = parseCidr(part);
    const host = (1n << BigInt((family === 4 ? 32 : 128) - prefix)) - 1n;
    return [formatIp({ family, value: base }), formatIp({ family, value: base | host })];
  }
  if (!isAddress(field) && field !== "inet_service") return [part, part];
  const dash = part.indexOf("-");
  return dash < 0 ? [part, part] : [part.slice(0, dash), part.slice(dash + 1)];
}

/** The canonical text of a range: a single value, a prefix where it is one, else `first-last`. */
export function rangeText(field: SetField, first: string, last: string): string {
  if (first === last) return first;
  if (!isAddress(field)) return `${first}-${last}`;
  const [low, high] = [parseIp(first), parseIp(last)];
  const size = high.value - low.value + 1n;
  const bits = size.toString(2).length - 1;
  const isPrefix = size === 1n << BigInt(bits) && low.value % size === 0n;
  return isPrefix ? `${first}/${(low.family === 4 ? 32 : 128) - bits}` : `${first}-${last}`;
}

/** First and last key of a concatenation with ranges in it. */
export function encodeBounds(fields: readonly SetField[], parts: readonly string[]): [first: Uint8Array, last: Uint8Array] {
  if (parts.length !== fields.length) encodeFields(fields, parts);
  const bounds = parts.map((part, index) => boundsOf(fields[index]!, part));
  const [first, last] = [
    encodeFields(
      fields,
      bounds.map(([low]) => low),
    ),
    encodeFields(
      fields,
      bounds.map(([, high]) => high),
    ),
  ];
  if (slices(fields, first).some((low, index) => Buffer.compare(low, slices(fields, last)[index]!) > 0))
    throw invalid(`Cannot encode ${parts.join(" . ")}: a range ends before it begins`, { code: "bad-element" });
  return [first, last];
}

export function decodeBounds(fields: readonly SetField[], first: Uint8Array, last: Uint8Array): string[] {
  const [low, high] = [decodeFields(fields, first), decodeFields(fields, last)];
  return fields.map((field, index) => rangeText(field, low[index]!, high[index]!));
}

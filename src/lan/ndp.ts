import { bytesToIp, bytesToMac, ipToBytes, macToBytes } from "#base";

/*
 * IPv6 header, 40 bytes: version 6, 4 u16 payload length, 6 u8 next header, 7 u8 hop limit, 8 source, 24 destination
 * RFC 4861 sections 4.3 and 4.4, after it:
 *  0 u8 type   1 u8 code 0   2 u16 checksum   4 u32 flags   8 target   24 options: u8 type, u8 length in 8 bytes, MAC
 */
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
const SOURCE_LINK_ADDRESS = 1;
const TARGET_LINK_ADDRESS = 2;
const NONCE = 14;
const ICMPV6 = 58;
const OVERRIDE = 0x20;
const HEADER = 40;
const BODY = 24;

export const ETH_P_IPV6 = 0x86dd;
export const ALL_NODES = "ff02::1";

export interface NeighbourMessage {
  readonly kind: "solicitation" | "advertisement";
  readonly source: string;
  readonly destination: string;
  readonly target: string;
  /** Of the source of a solicitation, of the target of an advertisement. */
  readonly mac?: string;
  /** RFC 7527: tells one's own solicitation that a switch sent back from another's. Six bytes as a MAC's text. */
  readonly nonce?: string;
}

/** ff02::1:ffXX:XXXX (RFC 4291 section 2.7.1). */
export function solicitedNode(address: string): string {
  const bytes = new Uint8Array([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0]);
  bytes.set(ipToBytes(address).subarray(13), 13);
  return bytesToIp(bytes);
}

/** 33:33 and the last four bytes of the group (RFC 2464 section 7). */
export const multicastMac = (group: string): string => bytesToMac(Uint8Array.from([0x33, 0x33, ...ipToBytes(group).subarray(12)]));

/** A whole IPv6 packet with its header. */
export function encodeNeighbour(message: NeighbourMessage): Uint8Array {
  const options: number[] = [];
  const solicits = message.kind === "solicitation";
  if (message.mac) options.push(solicits ? SOURCE_LINK_ADDRESS : TARGET_LINK_ADDRESS, 1, ...macToBytes(message.mac));
  if (message.nonce) options.push(NONCE, 1, ...macToBytes(message.nonce));
  const body = new Uint8Array(BODY + options.length);
  body[0] = solicits ? NEIGHBOUR_SOLICITATION : NEIGHBOUR_ADVERTISEMENT;
  if (!solicits) body[4] = OVERRIDE;
  body.set(ipToBytes(message.target), 8);
  body.set(options, BODY);
  return encodeIcmp6(message.source, message.destination, body);
}

/** A whole IPv6 packet of neighbour discovery around an ICMPv6 message, whose checksum is filled in. */
export function encodeIcmp6(source: string, destination: string, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + message.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, message.length);
  bytes[6] = ICMPV6;
  bytes[7] = 255;
  bytes.set(ipToBytes(source), 8);
  bytes.set(ipToBytes(destination), 24);
  bytes.set(message, HEADER);
  view.setUint16(HEADER + 2, checksum(bytes));
  return bytes;
}

/** The ICMPv6 message of a packet from this very link: RFC 4861 section 7.1 has hop limit 255, checksum, lengths. */
export function decodeIcmp6(bytes: Uint8Array, shortest: number): Uint8Array | undefined {
  if (bytes.length < HEADER + shortest || bytes[0]! >> 4 !== 6 || bytes[6] !== ICMPV6 || bytes[7] !== 255) return undefined;
  const length = (bytes[4]! << 8) | bytes[5]!;
  if (length < shortest || HEADER + length > bytes.length) return undefined;
  // Short frames are padded to 60 bytes: what is past the payload is not the packet's.
  const packet = bytes.subarray(0, HEADER + length);
  return packet[HEADER + 1] === 0 && checksum(packet) === 0 ? packet.subarray(HEADER) : undefined;
}

/** Options of a neighbour discovery message: their type, and all of their bytes. Undefined in place of one that is cut short. */
export function* optionsOf(message: Uint8Array, start: number): Generator<readonly [type: number, option: Uint8Array] | undefined> {
  for (let at = start; at + 8 <= message.length; ) {
    const size = message[at + 1]! * 8;
    if (size === 0 || at + size > message.length) return yield undefined;
    yield [message[at]!, message.subarray(at, at + size)];
    at += size;
  }
}

/** RFC 8200 section 8.1: ones' complement over source, destination, length, next header and payload. */
function checksum(packet: Uint8Array): number {
  let sum = packet.length - HEADER + ICMPV6;
  for (let at = 8; at < packet.length; at += 2) sum += (packet[at]! << 8) | (packet[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Undefined for anything but a valid neighbour message. */
export function decodeNeighbour(bytes: Uint8Array): NeighbourMessage | undefined {
  const message = decodeIcmp6(bytes, BODY);
  const type = message?.[0];
  if (!message || (type !== NEIGHBOUR_SOLICITATION && type !== NEIGHBOUR_ADVERTISEMENT)) return undefined;
  const wanted = type === NEIGHBOUR_SOLICITATION ? SOURCE_LINK_ADDRESS : TARGET_LINK_ADDRESS;
  const found: { mac?: string; nonce?: string } = {};
  for (const entry of optionsOf(message, BODY)) {
    if (!entry) return undefined;
    const [kind, option] = entry;
    if (kind === wanted) found.mac = bytesToMac(option.subarray(2, 8));
    else if (kind === NONCE) found.nonce = bytesToMac(option.subarray(2, 8));
  }
  return {
    kind: type === NEIGHBOUR_SOLICITATION ? "solicitation" : "advertisement",
    source: bytesToIp(bytes.subarray(8, 24)),
    destination: bytesToIp(bytes.subarray(24, 40)),
    target: bytesToIp(message.subarray(8, 24)),
    ...found,
  };
}

/** RFC 4862 section 5.4.2: asks for the address from the unspecified one, without claiming it. */
export const dadProbe = (address: string, nonce: string): Uint8Array =>
  encodeNeighbour({ kind: "solicitation", source: "::", destination: solicitedNode(address), target: address, nonce });

/** RFC 4861 section 7.2.6: an unsolicited advertisement to everyone. */
export const unsolicitedAdvertisement = (mac: string, address: string): Uint8Array =>
  encodeNeighbour({ kind: "advertisement", source: address, destination: ALL_NODES, target: address, mac });

/**
 * The MAC of another that has the address (advertisement) or is about to take it (solicitation from `::`).
 * @param sender the frame's source, where the message does not say
 */
export function ndpConflict(
  message: NeighbourMessage,
  sender: string,
  address: string,
  own: ReadonlySet<string>,
  nonce?: string,
): string | undefined {
  if (message.target !== address) return undefined;
  const mac = message.kind === "advertisement" ? (message.mac ?? sender) : sender;
  if (own.has(mac)) return undefined;
  if (message.kind === "advertisement") return mac;
  return message.source === "::" && (nonce === undefined || message.nonce !== nonce) ? mac : undefined;
}

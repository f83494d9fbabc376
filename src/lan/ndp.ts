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
  const bytes = new Uint8Array(HEADER + BODY + options.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, BODY + options.length);
  bytes[6] = ICMPV6;
  bytes[7] = 255;
  bytes.set(ipToBytes(message.source), 8);
  bytes.set(ipToBytes(message.destination), 24);
  bytes[HEADER] = solicits ? NEIGHBOUR_SOLICITATION : NEIGHBOUR_ADVERTISEMENT;
  if (!solicits) bytes[HEADER + 4] = OVERRIDE;
  bytes.set(ipToBytes(message.target), HEADER + 8);
  bytes.set(options, HEADER + BODY);
  view.setUint16(HEADER + 2, checksum(bytes));
  return bytes;
}

/** RFC 8200 section 8.1: ones' complement over source, destination, length, next header and payload. */
function checksum(packet: Uint8Array): number {
  let sum = packet.length - HEADER + ICMPV6;
  for (let at = 8; at < packet.length; at += 2) sum += (packet[at]! << 8) | (packet[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Undefined for anything but a valid neighbour message from this very link (RFC 4861 section 7.1: hop limit 255, checksum, lengths). */
export function decodeNeighbour(bytes: Uint8Array): NeighbourMessage | undefined {
  if (bytes.length < HEADER + BODY || bytes[0]! >> 4 !== 6 || bytes[6] !== ICMPV6 || bytes[7] !== 255) return undefined;
  const length = (bytes[4]! << 8) | bytes[5]!;
  if (length < BODY || HEADER + length > bytes.length) return undefined;
  // Short frames are padded to 60 bytes: what is past the payload is not the packet's.
  const packet = bytes.subarray(0, HEADER + length);
  const type = packet[HEADER];
  if ((type !== NEIGHBOUR_SOLICITATION && type !== NEIGHBOUR_ADVERTISEMENT) || packet[HEADER + 1] !== 0 || checksum(packet) !== 0)
    return undefined;
  const wanted = type === NEIGHBOUR_SOLICITATION ? SOURCE_LINK_ADDRESS : TARGET_LINK_ADDRESS;
  const found: { mac?: string; nonce?: string } = {};
  for (let at = HEADER + BODY; at + 8 <= packet.length; ) {
    const size = packet[at + 1]! * 8;
    if (size === 0) return undefined;
    const value = bytesToMac(packet.subarray(at + 2, at + 8));
    if (packet[at] === wanted) found.mac = value;
    else if (packet[at] === NONCE) found.nonce = value;
    at += size;
  }
  return {
    kind: type === NEIGHBOUR_SOLICITATION ? "solicitation" : "advertisement",
    source: bytesToIp(packet.subarray(8, 24)),
    destination: bytesToIp(packet.subarray(24, 40)),
    target: bytesToIp(packet.subarray(HEADER + 8, HEADER + 24)),
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

import { bytesToIp, bytesToMac, ipToBytes, macToBytes } from "#base";
import { BPF, type BpfInstruction } from "#kernel/ffi";
import { ETH_P_IPV6, multicastMac } from "../ndp.ts";

/*
 * Ethernet, 14 bytes; IPv6, 40 bytes: 4 u16 payload length, 6 u8 next header 17, 7 u8 hop limit, 8 source, 24 destination
 * UDP, 8 bytes: u16 source port, u16 destination port, u16 length, u16 checksum
 */
const ETHERNET = 14;
const IP = 40;
const UDP = 8;
const CLIENT_PORT = 546;
const SERVER_PORT = 547;
/** All_DHCP_Relay_Agents_and_Servers, RFC 8415 section 7.1. */
export const ALL_SERVERS = "ff02::1:2";

/** The link-local address that the kernel gives a link of this MAC (RFC 4291 appendix A). */
export function linkLocalOf(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macToBytes(mac);
  return bytesToIp(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]));
}

/** An Ethernet frame around an IPv6 packet. */
export function ethernet6(sourceMac: string, destinationMac: string, packet: Uint8Array): Uint8Array {
  return Uint8Array.from([...macToBytes(destinationMac), ...macToBytes(sourceMac), ETH_P_IPV6 >> 8, ETH_P_IPV6 & 255, ...packet]);
}

/** The frame of a message to all servers, from the link-local address of a MAC. */
export function encodeFrame6(mac: string, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(IP + UDP + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x60;
  view.setUint16(4, UDP + payload.length);
  packet.set([17, 1], 6);
  packet.set(ipToBytes(linkLocalOf(mac)), 8);
  packet.set(ipToBytes(ALL_SERVERS), 24);
  view.setUint16(IP, CLIENT_PORT);
  view.setUint16(IP + 2, SERVER_PORT);
  view.setUint16(IP + 4, UDP + payload.length);
  packet.set(payload, IP + UDP);
  let sum = 17 + UDP + payload.length;
  for (let at = 8; at < packet.length; at += 2) sum += (packet[at]! << 8) | (packet[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(IP + 6, ~sum & 0xffff || 0xffff);
  return ethernet6(mac, multicastMac(ALL_SERVERS), packet);
}

export interface Received6 {
  readonly sourceMac: string;
  /** The IPv6 packet. */
  readonly packet: Uint8Array;
  /** Of a datagram to port 546. */
  readonly payload?: Uint8Array;
}

/** Undefined for what is no IPv6, or cut short. */
export function decodeFrame6(frame: Uint8Array): Received6 | undefined {
  if (frame.length < ETHERNET + IP || ((frame[12]! << 8) | frame[13]!) !== ETH_P_IPV6) return undefined;
  const packet = frame.subarray(ETHERNET);
  const length = (packet[4]! << 8) | packet[5]!;
  if (IP + length > packet.length) return undefined;
  const received = { sourceMac: bytesToMac(frame.subarray(6, 12)), packet };
  const datagram = packet[6] === 17 && length >= UDP && ((packet[IP + 2]! << 8) | packet[IP + 3]!) === CLIENT_PORT;
  return datagram ? { ...received, payload: new Uint8Array(packet.subarray(IP + UDP, IP + length)) } : received;
}

/** UDP to port 546, and neighbour solicitations, on a raw packet socket. */
export const DHCP6_FILTER: readonly BpfInstruction[] = [
  [BPF.ldb, 0, 0, ETHERNET + 6],
  [BPF.jeq, 0, 2, 17],
  [BPF.ldh, 0, 0, ETHERNET + IP + 2],
  [BPF.jeq, 3, 4, CLIENT_PORT],
  [BPF.jeq, 0, 3, 58],
  [BPF.ldb, 0, 0, ETHERNET + IP],
  [BPF.jeq, 0, 1, 135],
  [BPF.ret, 0, 0, 0xffff],
  [BPF.ret, 0, 0, 0],
];

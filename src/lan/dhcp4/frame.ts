import { bytesToIp, bytesToMac, ipToBytes, macToBytes } from "#base";
import { BPF, type BpfInstruction } from "#kernel/ffi";

/*
 * Ethernet, 14 bytes: destination, source, u16 0x0800
 * IPv4, 20 bytes: u8 0x45, 2 u16 length, 8 u8 TTL, 9 u8 protocol 17, 10 u16 checksum, 12 source, 16 destination
 * UDP, 8 bytes: u16 source port, u16 destination port, u16 length, u16 checksum
 */
const ETHERNET = 14;
const IP = 20;
const UDP = 8;
export const ETH_P_IP = 0x0800;
const CLIENT_PORT = 68;
const SERVER_PORT = 67;

export interface Datagram {
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly source: string;
  readonly destination: string;
  readonly payload: Uint8Array;
}

/** The whole frame of a datagram from port 68 to 67. It goes out with the container's MAC, whatever link carries it. */
export function encodeFrame({ sourceMac, destinationMac, source, destination, payload }: Datagram): Uint8Array {
  const bytes = new Uint8Array(ETHERNET + IP + UDP + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(macToBytes(destinationMac), 0);
  bytes.set(macToBytes(sourceMac), 6);
  view.setUint16(12, ETH_P_IP);
  view.setUint8(ETHERNET, 0x45);
  view.setUint16(ETHERNET + 2, IP + UDP + payload.length);
  view.setUint8(ETHERNET + 8, 64);
  view.setUint8(ETHERNET + 9, 17);
  bytes.set(ipToBytes(source), ETHERNET + 12);
  bytes.set(ipToBytes(destination), ETHERNET + 16);
  view.setUint16(ETHERNET + 10, onesComplement(bytes.subarray(ETHERNET, ETHERNET + IP), 0));
  const udp = ETHERNET + IP;
  view.setUint16(udp, CLIENT_PORT);
  view.setUint16(udp + 2, SERVER_PORT);
  view.setUint16(udp + 4, UDP + payload.length);
  bytes.set(payload, udp + UDP);
  // RFC 768: pseudo header of addresses, protocol and length; 0 means none was made.
  view.setUint16(udp + 6, onesComplement(bytes.subarray(ETHERNET + 12), 17 + UDP + payload.length) || 0xffff);
  return bytes;
}

function onesComplement(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * A datagram to port 68, else undefined. UDP checksums are not looked at: what a server on this machine sent has none yet
 * (CHECKSUM_PARTIAL), and Ethernet has its own.
 */
export function decodeFrame(frame: Uint8Array): Datagram | undefined {
  if (frame.length < ETHERNET + IP + UDP) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const header = (frame[ETHERNET]! & 15) * 4;
  const length = view.getUint16(ETHERNET + 2);
  const fragment = (view.getUint16(ETHERNET + 6) & 0x3fff) !== 0;
  if (view.getUint16(12) !== ETH_P_IP || frame[ETHERNET]! >> 4 !== 4 || header < IP || frame[ETHERNET + 9] !== 17 || fragment)
    return undefined;
  if (length < header + UDP || ETHERNET + length > frame.length) return undefined;
  const udp = ETHERNET + header;
  if (view.getUint16(udp + 2) !== CLIENT_PORT) return undefined;
  return {
    destinationMac: bytesToMac(frame.subarray(0, 6)),
    sourceMac: bytesToMac(frame.subarray(6, 12)),
    source: bytesToIp(frame.subarray(ETHERNET + 12, ETHERNET + 16)),
    destination: bytesToIp(frame.subarray(ETHERNET + 16, ETHERNET + 20)),
    payload: new Uint8Array(frame.subarray(udp + UDP, ETHERNET + length)),
  };
}

/** Unfragmented UDP to port 68, on a raw packet socket. */
export const DHCP_FILTER: readonly BpfInstruction[] = [
  [BPF.ldh, 0, 0, 12],
  [BPF.jeq, 0, 7, ETH_P_IP],
  [BPF.ldb, 0, 0, ETHERNET + 9],
  [BPF.jeq, 0, 5, 17],
  [BPF.ldh, 0, 0, ETHERNET + 6],
  [BPF.jset, 3, 0, 0x1fff],
  [BPF.ldxIpHeader, 0, 0, ETHERNET],
  [BPF.ldhx, 0, 0, ETHERNET + 2],
  [BPF.jeq, 1, 0, CLIENT_PORT],
  [BPF.ret, 0, 0, 0],
  [BPF.ret, 0, 0, 0xffff],
];

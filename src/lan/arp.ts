import { bytesToIp, bytesToMac, ipToBytes, macToBytes } from "#base";

/*
 * RFC 826, Ethernet and IPv4
 *  0 u16 hardware 1    2 u16 protocol 0x0800   4 u8 6   5 u8 4   6 u16 operation
 *  8 sender MAC       14 sender address       18 target MAC     24 target address
 */
const LENGTH = 28;

export interface ArpPacket {
  readonly operation: "request" | "reply";
  readonly senderMac: string;
  readonly senderAddress: string;
  readonly targetMac: string;
  readonly targetAddress: string;
}

export const ETH_P_ARP = 0x0806;
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";
const ZERO_MAC = "00:00:00:00:00:00";

export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  bytes.set([0, 1, 8, 0, 6, 4, 0, packet.operation === "request" ? 1 : 2]);
  bytes.set(macToBytes(packet.senderMac), 8);
  bytes.set(ipToBytes(packet.senderAddress), 14);
  bytes.set(macToBytes(packet.targetMac), 18);
  bytes.set(ipToBytes(packet.targetAddress), 24);
  return bytes;
}

/** Undefined for what is too short, or not ARP of IPv4 over Ethernet: anybody on the LAN may send anything. */
export function decodeArp(bytes: Uint8Array): ArpPacket | undefined {
  if (bytes.length < LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, LENGTH);
  const operation = view.getUint16(6);
  if (view.getUint16(0) !== 1 || view.getUint16(2) !== 0x0800 || view.getUint16(4) !== 0x0604) return undefined;
  if (operation !== 1 && operation !== 2) return undefined;
  return {
    operation: operation === 1 ? "request" : "reply",
    senderMac: bytesToMac(bytes.subarray(8, 14)),
    senderAddress: bytesToIp(bytes.subarray(14, 18)),
    targetMac: bytesToMac(bytes.subarray(18, 24)),
    targetAddress: bytesToIp(bytes.subarray(24, 28)),
  };
}

/** RFC 5227 section 1.1: asks who has the address without claiming it. */
export const arpProbe = (mac: string, address: string): Uint8Array =>
  encodeArp({ operation: "request", senderMac: mac, senderAddress: "0.0.0.0", targetMac: ZERO_MAC, targetAddress: address });

/** RFC 5227 section 1.1: tells the LAN, and every switch on it, who has the address. */
export const arpAnnouncement = (mac: string, address: string): Uint8Array =>
  encodeArp({ operation: "request", senderMac: mac, senderAddress: address, targetMac: ZERO_MAC, targetAddress: address });

/**
 * The MAC of another that says it has the address, or (RFC 5227 section 2.1.1) is about to take it.
 * @param own MACs of those who may
 */
export function arpConflict(packet: ArpPacket, address: string, own: ReadonlySet<string>): string | undefined {
  if (own.has(packet.senderMac)) return undefined;
  if (packet.senderAddress === address) return packet.senderMac;
  const probing = packet.operation === "request" && packet.senderAddress === "0.0.0.0" && packet.targetAddress === address;
  return probing ? packet.senderMac : undefined;
}

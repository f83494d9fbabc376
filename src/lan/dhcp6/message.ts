import { bytesToIp, ipToBytes } from "#base";

/*
 * RFC 8415 section 8: u8 type, u24 transaction id, then options: u16 code, u16 length, value
 * IA_NA (21.4): u32 IAID, u32 T1, u32 T2, options    IAADDR (21.6): 16 address, u32 preferred, u32 valid, options
 */
export const MESSAGE6 = { solicit: 1, advertise: 2, request: 3, renew: 5, rebind: 6, reply: 7, release: 8, decline: 9 } as const;
export type Message6Type = keyof typeof MESSAGE6;

const OPTION6 = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaAddress: 5,
  request: 6,
  elapsed: 8,
  status: 13,
  dns: 23,
  fqdn: 39,
} as const;

export interface Dhcp6Request {
  readonly type: Exclude<Message6Type, "advertise" | "reply">;
  /** 24 bits. */
  readonly xid: number;
  readonly duid: Uint8Array;
  readonly iaid: number;
  readonly serverId?: Uint8Array;
  readonly address?: string;
  /** Hundredths of a second since the exchange began. */
  readonly elapsed: number;
  readonly hostname?: string;
}

export interface Dhcp6Reply {
  readonly type: "advertise" | "reply";
  readonly xid: number;
  readonly duid: Uint8Array;
  readonly serverId: Uint8Array;
  /** RFC 8415 section 21.13: 0 success, 2 NoAddrsAvail, 3 NoBinding, 4 NotOnLink; the worst of message, IA and address. */
  readonly status: number;
  readonly t1: number;
  readonly t2: number;
  readonly address?: { readonly address: string; readonly preferred: number; readonly valid: number };
  readonly dns: readonly string[];
}

const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];
const option = (code: number, value: Iterable<number>): number[] => {
  const bytes = [...value];
  return [...u16(code), ...u16(bytes.length), ...bytes];
};

export function encodeDhcp6(request: Dhcp6Request): Uint8Array {
  const address = request.address ? option(OPTION6.iaAddress, [...ipToBytes(request.address), ...u32(0), ...u32(0)]) : [];
  const asks = request.type !== "release" && request.type !== "decline";
  return Uint8Array.from([
    MESSAGE6[request.type],
    ...u32(request.xid).slice(1),
    ...option(OPTION6.clientId, request.duid),
    ...(request.serverId ? option(OPTION6.serverId, request.serverId) : []),
    ...option(OPTION6.elapsed, u16(Math.min(request.elapsed, 0xffff))),
    ...(asks ? option(OPTION6.request, [...u16(OPTION6.dns)]) : []),
    // RFC 4704: a name without a dot is not fully qualified, so its last label has no root after it. Flag S: the server may enter it.
    ...(asks && request.hostname ? option(OPTION6.fqdn, [1, request.hostname.length, ...Buffer.from(request.hostname, "latin1")]) : []),
    ...option(OPTION6.iaNa, [...u32(request.iaid), ...u32(0), ...u32(0), ...address]),
  ]);
}

/** Undefined for what is no complete answer to `iaid`. Never throws. */
export function decodeDhcp6(bytes: Uint8Array, iaid: number): Dhcp6Reply | undefined {
  const type = bytes[0] === MESSAGE6.advertise ? "advertise" : bytes[0] === MESSAGE6.reply ? "reply" : undefined;
  if (!type || bytes.length < 4) return undefined;
  const found: { duid?: Uint8Array; serverId?: Uint8Array; address?: Dhcp6Reply["address"]; dns: string[] } = { dns: [] };
  let [status, t1, t2] = [0, 0, 0];
  for (const [code, value] of optionsOf(bytes.subarray(4))) {
    if (code === OPTION6.clientId) found.duid = value;
    else if (code === OPTION6.serverId) found.serverId = value;
    else if (code === OPTION6.status) status ||= statusOf(value);
    else if (code === OPTION6.dns)
      found.dns = Array.from({ length: value.length >> 4 }, (_, at) => bytesToIp(value.subarray(16 * at, 16 * at + 16)));
    else if (code === OPTION6.iaNa && value.length >= 12) {
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
      if (view.getUint32(0) !== iaid) continue;
      [t1, t2] = [view.getUint32(4), view.getUint32(8)];
      for (const [inner, content] of optionsOf(value.subarray(12))) {
        if (inner === OPTION6.status) status ||= statusOf(content);
        else if (inner === OPTION6.iaAddress && content.length >= 24) {
          const at = new DataView(content.buffer, content.byteOffset, content.byteLength);
          // One that is taken back has a lifetime of 0, beside the one that takes its place.
          if (found.address?.valid) continue;
          found.address = { address: bytesToIp(content.subarray(0, 16)), preferred: at.getUint32(16), valid: at.getUint32(20) };
          for (const [last, code] of optionsOf(content.subarray(24))) if (last === OPTION6.status) status ||= statusOf(code);
        }
      }
    }
  }
  const { duid, serverId, address, dns } = found;
  if (!duid || !serverId) return undefined;
  const xid = (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
  return { ...{ type, xid, duid, serverId, status, t1, t2, dns }, ...(address ? { address } : {}) };
}

const statusOf = (value: Uint8Array): number => (value.length < 2 ? 1 : (value[0]! << 8) | value[1]!);

function* optionsOf(bytes: Uint8Array): Generator<[code: number, value: Uint8Array]> {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (at + 4 + length > bytes.length) return;
    yield [(bytes[at]! << 8) | bytes[at + 1]!, new Uint8Array(bytes.subarray(at + 4, at + 4 + length))];
    at += 4 + length;
  }
}

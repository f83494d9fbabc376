import { bytesToIp, ipToBytes, macToBytes } from "#base";

/*
 * RFC 2131 section 2
 *   0 u8 op   1 u8 htype 1   2 u8 hlen 6   3 u8 hops   4 u32 xid   8 u16 secs   10 u16 flags
 *  12 ciaddr  16 yiaddr  20 siaddr  24 giaddr  28 chaddr (16)  44 sname (64)  108 file (128)
 * 236 u32 magic cookie   240 options: u8 code, u8 length, value
 */
const SNAME = 44;
const FILE = 108;
const COOKIE = 236;
const OPTIONS = 240;
const MAGIC = 0x63825363;
/** Relays and old servers drop what is shorter (RFC 1542 section 2.1). */
const SHORTEST = 300;
const BROADCAST_FLAG = 0x8000;

/** RFC 2132 section 9.6 */
export const MESSAGE_TYPES = ["", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform"] as const;
export type MessageType = Exclude<(typeof MESSAGE_TYPES)[number], "">;

/** RFC 2132's codes of what we speak of. */
export const OPTION = {
  subnetMask: 1,
  router: 3,
  dns: 6,
  hostname: 12,
  domain: 15,
  mtu: 26,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverId: 54,
  parameters: 55,
  message: 56,
  maxSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  clientId: 61,
} as const;

const END = 255;

export interface DhcpRequest {
  readonly type: Extract<MessageType, "discover" | "request" | "decline" | "release">;
  readonly xid: number;
  /** Seconds since the exchange began. */
  readonly seconds?: number;
  /** The client cannot be sent unicast yet. */
  readonly broadcast?: boolean;
  readonly mac: string;
  /** The address the client has and answers on. */
  readonly clientAddress?: string;
  readonly requestedAddress?: string;
  readonly serverId?: string;
  /** Bytes of option 61, its type octet first. */
  readonly clientId: Uint8Array;
  readonly hostname?: string;
  readonly message?: string;
}

export interface DhcpReply {
  readonly type: MessageType;
  readonly xid: number;
  readonly mac: Uint8Array;
  readonly yourAddress: string;
  readonly options: ReadonlyMap<number, Uint8Array>;
}

export function encodeDhcp(request: DhcpRequest): Uint8Array {
  const options: number[] = [];
  const option = (code: number, value: Iterable<number>) => {
    const bytes = [...value];
    options.push(code, bytes.length, ...bytes);
  };
  option(OPTION.messageType, [MESSAGE_TYPES.indexOf(request.type)]);
  option(OPTION.clientId, request.clientId);
  if (request.requestedAddress) option(OPTION.requestedAddress, ipToBytes(request.requestedAddress));
  if (request.serverId) option(OPTION.serverId, ipToBytes(request.serverId));
  if (request.type === "discover" || request.type === "request") {
    if (request.hostname) option(OPTION.hostname, Buffer.from(request.hostname, "utf8").subarray(0, 63));
    option(OPTION.maxSize, [1500 >> 8, 1500 & 255]);
    const { subnetMask, router, dns, domain, mtu, leaseTime, serverId, renewalTime, rebindingTime } = OPTION;
    option(OPTION.parameters, [subnetMask, router, dns, domain, mtu, leaseTime, serverId, renewalTime, rebindingTime]);
  }
  if (request.message) option(OPTION.message, Buffer.from(request.message, "utf8").subarray(0, 255));
  options.push(END);
  const bytes = new Uint8Array(Math.max(SHORTEST, OPTIONS + options.length));
  const view = new DataView(bytes.buffer);
  bytes.set([1, 1, 6, 0]);
  view.setUint32(4, request.xid);
  view.setUint16(8, Math.min(request.seconds ?? 0, 0xffff));
  view.setUint16(10, request.broadcast ? BROADCAST_FLAG : 0);
  if (request.clientAddress) bytes.set(ipToBytes(request.clientAddress), 12);
  bytes.set(macToBytes(request.mac), 28);
  view.setUint32(COOKIE, MAGIC);
  bytes.set(options, OPTIONS);
  return bytes;
}

/** Undefined for what is no reply of a DHCP server. Never throws: anybody on the LAN may send anything. */
export function decodeDhcp(bytes: Uint8Array): DhcpReply | undefined {
  if (bytes.length < OPTIONS || bytes[0] !== 2 || bytes[1] !== 1 || bytes[2] !== 6) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(COOKIE) !== MAGIC) return undefined;
  const options = new Map<number, Uint8Array>();
  readOptions(bytes.subarray(OPTIONS), options);
  // RFC 2132 section 9.3: options go on in the fields of old.
  const overload = options.get(OPTION.overload)?.[0] ?? 0;
  if (overload & 1) readOptions(bytes.subarray(FILE, COOKIE), options);
  if (overload & 2) readOptions(bytes.subarray(SNAME, FILE), options);
  const type = MESSAGE_TYPES[options.get(OPTION.messageType)?.[0] ?? 0];
  if (!type) return undefined;
  return {
    type,
    xid: view.getUint32(4),
    mac: new Uint8Array(bytes.subarray(28, 34)),
    yourAddress: bytesToIp(bytes.subarray(16, 20)),
    options,
  };
}

/** RFC 3396: an option that comes twice is one in two parts. */
function readOptions(field: Uint8Array, into: Map<number, Uint8Array>): void {
  for (let at = 0; at < field.length; ) {
    const code = field[at]!;
    if (code === END) return;
    if (code === 0) {
      at++;
      continue;
    }
    const length = field[at + 1];
    if (length === undefined || at + 2 + length > field.length) return;
    const value = new Uint8Array(field.subarray(at + 2, at + 2 + length));
    const former = into.get(code);
    into.set(code, former ? Uint8Array.from([...former, ...value]) : value);
    at += 2 + length;
  }
}

/** An option's addresses; what is left over of four bytes each is dropped. */
export function addressesOf(reply: DhcpReply, code: number): string[] {
  const value = reply.options.get(code) ?? new Uint8Array();
  return Array.from({ length: Math.trunc(value.length / 4) }, (_, index) => bytesToIp(value.subarray(4 * index, 4 * index + 4)));
}

/** An option that is a number of 2 or 4 bytes. */
export function numberOf(reply: DhcpReply, code: number): number | undefined {
  const value = reply.options.get(code);
  if (value?.length !== 4 && value?.length !== 2) return undefined;
  return value.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** An option that is text, without the NUL that some servers end it with. */
export const textOf = (reply: DhcpReply, code: number): string | undefined => {
  const value = reply.options.get(code);
  return value && Buffer.from(value).toString("utf8").replaceAll("\0", "");
};

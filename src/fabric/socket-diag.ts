import { bytesToIp, type Family, familyOf, HOST } from "#base";
import { AF_INET, AF_INET6 } from "#kernel/ffi";
import { AttributeReader, buildRequest, NetlinkSocket } from "#kernel/netlink";

/** linux/sock_diag.h, linux/inet_diag.h */
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const INET_DIAG_SKV6ONLY = 11;
/** Length of struct inet_diag_msg. */
const DIAG_MESSAGE = 72;
const IPPROTO = { tcp: 6, udp: 17 } as const;
const TCP_ESTABLISHED = 1;
/** TCP_LISTEN and TCP_BOUND_INACTIVE; a UDP socket that is not connected is TCP_CLOSE. */
/** How an IPv6 socket's IPv4 address begins (RFC 4291 §2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const STATES = { tcp: (1 << 10) | (1 << 13), udp: 0xffffffff } as const;

/** A socket of the host's that holds a local port. */
export interface BoundSocket {
  /** Of its address: an IPv6 socket on `::ffff:127.0.0.1`, as Java makes them, is IPv4's. */
  readonly family: Family;
  readonly address: string;
  readonly port: number;
  /** An IPv6 socket that takes IPv4 too. */
  readonly dual: boolean;
  /** It talks to one peer, and nobody else reaches it. */
  readonly connected: boolean;
  /** As `/proc/<pid>/fd` names it, `socket:[4711]`. */
  readonly inode: number;
}

/**
 * Sockets bound in a namespace: one netlink dump, microseconds a socket.
 * @throws NetlinkError ENOENT where the kernel has no diagnosis module for the protocol
 */
function boundSockets(proto: "tcp" | "udp", family: Family, namespace: string = HOST): BoundSocket[] {
  using socket = NetlinkSocket.open({ protocol: NETLINK_SOCK_DIAG, namespace });
  // struct inet_diag_req_v2: family, protocol, ext, pad, u32 states, 48 bytes of struct inet_diag_sockid.
  const body = new Uint8Array(56);
  body.set([family === 4 ? AF_INET : AF_INET6, IPPROTO[proto]]);
  new DataView(body.buffer).setUint32(4, STATES[proto], true);
  const messages = socket.dump(buildRequest(`list ${proto} sockets`, SOCK_DIAG_BY_FAMILY, 0, (writer) => writer.raw(body)));
  return messages.map(({ payload }) => decodeDiag(payload, family));
}

/*
 * struct inet_diag_msg
 *  0 u8 family  1 u8 state  2 u8 timer  3 u8 retrans
 *  4 be16 source port  6 be16 destination port  8 source, 16 bytes  24 destination, 16 bytes  40 u32 link  44 u64 cookie
 *  52 u32 expires  56 u32 receive queue  60 u32 send queue  64 u32 uid  68 u32 inode
 */
function decodeDiag(payload: Uint8Array, family: Family): BoundSocket {
  let dual = family === 6;
  for (const reader = new AttributeReader(payload, DIAG_MESSAGE); reader.next(); )
    if (reader.type === INET_DIAG_SKV6ONLY) dual = reader.u8() === 0;
  const mapped = family === 6 && MAPPED.every((octet, at) => payload[8 + at] === octet);
  const address = mapped ? bytesToIp(payload.subarray(20, 24)) : bytesToIp(payload.subarray(8, family === 4 ? 12 : 24));
  const inode = new DataView(payload.buffer, payload.byteOffset).getUint32(68, true);
  const connected = payload[1] === TCP_ESTABLISHED;
  return { family: mapped ? 4 : family, address, dual, port: (payload[4]! << 8) | payload[5]!, connected, inode };
}

/** The host's sockets that keep an address's ports from being bound, by port. */
export function rivalsOf(proto: "tcp" | "udp", address: string, from: number, to: number): BoundSocket[] {
  const family = familyOf(address);
  const sockets = [...(family === 4 ? boundSockets(proto, 4) : []), ...boundSockets(proto, 6)];
  const takes = (socket: BoundSocket) => socket.family === family || (family === 4 && socket.dual && socket.address === "::");
  return sockets
    .filter((socket) => takes(socket) && (isAny(address) || isAny(socket.address) || socket.address === address))
    .filter(({ port }) => port >= from && port <= to)
    .sort((a, b) => a.port - b.port);
}

export const isAny = (address: string): boolean => address === "0.0.0.0" || address === "::";

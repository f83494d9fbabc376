import { bytesToIp, type Family, familyOf, ipToBytes } from "#base";
import { Errno } from "#kernel/ffi";
import {
  AttributeReader,
  KernelTransport,
  NETLINK_NETFILTER,
  type NetlinkRequest,
  NetlinkSocket,
  type PayloadWriter,
} from "#kernel/netlink";
import type { NamespaceHandle } from "#kernel/netns";
import { NFNL_SUBSYS_CTNETLINK } from "./constants.ts";
import { NFGENMSG_LENGTH, nfnetlinkRequest } from "./message.ts";

/** linux/netfilter/nfnetlink_conntrack.h */
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_REPLY_FLAGS = 2;
/** Bits of a filter's flags, from nf_conntrack_netlink.c. */
const CTA_FILTER_F_IP_SRC = 1 << 0;
const CTA_FILTER_F_IP_DST = 1 << 1;
const CTA_FILTER_F_PROTO_NUM = 1 << 3;
const CTA_FILTER_F_PROTO_DST_PORT = 1 << 5;

const AF = { 4: 2, 6: 10 } as const;
const IPPROTO = { tcp: 6, udp: 17, sctp: 132 } as const;
export type ConntrackProtocol = keyof typeof IPPROTO;

export interface ConntrackTuple {
  readonly source: string;
  readonly destination: string;
  /** IPPROTO_* */
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A connection that the kernel follows. */
export interface ConntrackEntry {
  readonly family: Family;
  readonly original: ConntrackTuple;
  /** As the replies come: its source is where the connection really ends, after DNAT. */
  readonly reply: ConntrackTuple;
  readonly id: number;
  readonly zone: number;
}

/** Entries to forget; every field given must hold. */
export interface ConntrackMatch {
  readonly protocol: ConntrackProtocol;
  readonly family: Family;
  /** The address a client asked for; any when not given. */
  readonly originalDestination?: string;
  /** Port or first and last port a client asked for. */
  readonly originalPort?: number | readonly [first: number, last: number];
  /** The address that really answers: a container's. */
  readonly replySource?: string;
}

function decodeTuple(reader: AttributeReader): ConntrackTuple {
  const tuple = { source: "", destination: "", protocol: 0, sourcePort: 0, destinationPort: 0 };
  while (reader.next()) {
    if (reader.type === CTA_TUPLE_IP) {
      for (const ip = reader.nested(); ip.next(); ) {
        if (ip.type === CTA_IP_V4_SRC || ip.type === CTA_IP_V6_SRC) tuple.source = bytesToIp(ip.bytes());
        else if (ip.type === CTA_IP_V4_DST || ip.type === CTA_IP_V6_DST) tuple.destination = bytesToIp(ip.bytes());
      }
    } else if (reader.type === CTA_TUPLE_PROTO) {
      for (const proto = reader.nested(); proto.next(); ) {
        if (proto.type === CTA_PROTO_NUM) tuple.protocol = proto.u8();
        else if (proto.type === CTA_PROTO_SRC_PORT) tuple.sourcePort = proto.u16be();
        else if (proto.type === CTA_PROTO_DST_PORT) tuple.destinationPort = proto.u16be();
      }
    }
  }
  return tuple;
}

function encodeTuple(writer: PayloadWriter, type: number, tuple: ConntrackTuple): void {
  const six = familyOf(tuple.source) === 6;
  writer.nested(type, (inner) =>
    inner
      .nested(CTA_TUPLE_IP, (ip) =>
        ip
          .attrBytes(six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, ipToBytes(tuple.source))
          .attrBytes(six ? CTA_IP_V6_DST : CTA_IP_V4_DST, ipToBytes(tuple.destination)),
      )
      .nested(CTA_TUPLE_PROTO, (proto) =>
        proto
          .attrU8(CTA_PROTO_NUM, tuple.protocol)
          .attrU16be(CTA_PROTO_SRC_PORT, tuple.sourcePort)
          .attrU16be(CTA_PROTO_DST_PORT, tuple.destinationPort),
      ),
  );
}

/** Reads an IPCTNL_MSG_CT_NEW. */
export function decodeConntrack(payload: Uint8Array): ConntrackEntry {
  const none: ConntrackTuple = { source: "", destination: "", protocol: 0, sourcePort: 0, destinationPort: 0 };
  const entry = { family: (payload[0] === AF[6] ? 6 : 4) as Family, original: none, reply: none, id: 0, zone: 0 };
  const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
  while (reader.next()) {
    if (reader.type === CTA_TUPLE_ORIG) entry.original = decodeTuple(reader.nested());
    else if (reader.type === CTA_TUPLE_REPLY) entry.reply = decodeTuple(reader.nested());
    else if (reader.type === CTA_ID) entry.id = reader.u32be();
    else if (reader.type === CTA_ZONE) entry.zone = reader.u16be();
  }
  return entry;
}

/** Deletes one entry, and only while it is still the one that was read (CTA_ID). */
export function encodeConntrackDelete(entry: ConntrackEntry): NetlinkRequest {
  const { original } = entry;
  const operation = `delete conntrack ${original.protocol} ${original.source}:${original.sourcePort} to ${original.destination}:${original.destinationPort}`;
  const message = { subsystem: NFNL_SUBSYS_CTNETLINK, type: IPCTNL_MSG_CT_DELETE, family: AF[entry.family] };
  return nfnetlinkRequest(operation, message, (writer) => {
    encodeTuple(writer, CTA_TUPLE_ORIG, original);
    if (entry.zone !== 0) writer.attrU16be(CTA_ZONE, entry.zone);
    writer.attrU32be(CTA_ID, entry.id);
  });
}

/**
 * Deletes all entries that a match without a port range names, in the kernel (Linux 6.11). Older kernels look for one exact tuple here and answer
 * EINVAL because ours has holes, so they never flush more than asked.
 */
export function encodeConntrackFlush(match: ConntrackMatch): NetlinkRequest {
  const six = match.family === 6;
  const port = match.originalPort as number | undefined;
  const message = { subsystem: NFNL_SUBSYS_CTNETLINK, type: IPCTNL_MSG_CT_DELETE, family: AF[match.family] };
  const request = nfnetlinkRequest(`flush conntrack ${JSON.stringify(match)}`, message, (writer) => {
    const { originalDestination: destination, replySource: source } = match;
    let flags = CTA_FILTER_F_PROTO_NUM;
    writer.nested(CTA_TUPLE_ORIG, (tuple) => {
      if (destination !== undefined) {
        flags |= CTA_FILTER_F_IP_DST;
        tuple.nested(CTA_TUPLE_IP, (ip) => ip.attrBytes(six ? CTA_IP_V6_DST : CTA_IP_V4_DST, ipToBytes(destination)));
      }
      tuple.nested(CTA_TUPLE_PROTO, (proto) => {
        proto.attrU8(CTA_PROTO_NUM, IPPROTO[match.protocol]);
        if (port === undefined) return;
        flags |= CTA_FILTER_F_PROTO_DST_PORT;
        proto.attrU16be(CTA_PROTO_DST_PORT, port);
      });
    });
    if (source !== undefined)
      writer.nested(CTA_TUPLE_REPLY, (tuple) =>
        tuple.nested(CTA_TUPLE_IP, (ip) => ip.attrBytes(six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, ipToBytes(source))),
      );
    writer.nested(CTA_FILTER, (filter) => {
      filter.attrU32(CTA_FILTER_ORIG_FLAGS, flags);
      if (source !== undefined) filter.attrU32(CTA_FILTER_REPLY_FLAGS, CTA_FILTER_F_IP_SRC);
    });
  });
  // With version 0 the kernel would flush every family.
  request.payload[1] = 1;
  return request;
}

/** Lists the entries of a protocol; kernels before 5.8 do not know the filter and list all. */
const encodeConntrackList = (family: Family, protocol: number): NetlinkRequest =>
  nfnetlinkRequest("list conntrack", { subsystem: NFNL_SUBSYS_CTNETLINK, type: IPCTNL_MSG_CT_GET, family: AF[family] }, (writer) =>
    writer
      .nested(CTA_TUPLE_ORIG, (tuple) => tuple.nested(CTA_TUPLE_PROTO, (proto) => proto.attrU8(CTA_PROTO_NUM, protocol)))
      .nested(CTA_FILTER, (filter) => filter.attrU32(CTA_FILTER_ORIG_FLAGS, CTA_FILTER_F_PROTO_NUM)),
  );

function matches(entry: ConntrackEntry, match: ConntrackMatch): boolean {
  const { original, reply } = entry;
  if (original.protocol !== IPPROTO[match.protocol] || entry.family !== match.family) return false;
  if (match.originalDestination !== undefined && original.destination !== match.originalDestination) return false;
  if (match.replySource !== undefined && reply.source !== match.replySource) return false;
  if (match.originalPort === undefined) return true;
  const [first, last] = typeof match.originalPort === "number" ? [match.originalPort, match.originalPort] : match.originalPort;
  return original.destinationPort >= first && original.destinationPort <= last;
}

/** Connection tracking of one namespace. */
export class ConntrackSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  constructor(namespace?: string | NamespaceHandle) {
    this.#socket = new NetlinkSocket(
      new KernelTransport({ protocol: NETLINK_NETFILTER, ...(namespace === undefined ? {} : { namespace }) }),
    );
  }

  /** The entries of a protocol. @throws NetlinkError */
  list(family: Family, protocol: ConntrackProtocol): ConntrackEntry[] {
    return this.#socket
      .dump(encodeConntrackList(family, IPPROTO[protocol]))
      .map(({ payload }) => decodeConntrack(payload))
      .filter(({ original }) => original.protocol === IPPROTO[protocol]);
  }

  /**
   * Forgets connections that any of the matches names, so that their next packet meets the mappings of now: UDP flows, which never close, after a
   * port is published or unpublished. 0.3 ms a match; a port range, or a kernel before 6.11, costs a walk through the whole table, 10 ms.
   * @throws NetlinkError
   */
  flush(wanted: readonly ConntrackMatch[]): void {
    const simple = wanted.filter(({ originalPort }) => !Array.isArray(originalPort));
    const rest = wanted.filter(({ originalPort }) => Array.isArray(originalPort));
    for (const [index, error] of this.#socket.batch(simple.map(encodeConntrackFlush)).entries()) {
      if (!error) continue;
      if (error.errno !== Errno.EINVAL && error.errno !== Errno.EOPNOTSUPP) throw error;
      rest.push(simple[index]!);
    }
    if (rest.length > 0) this.#flushListed(rest);
  }

  #flushListed(wanted: readonly ConntrackMatch[]): void {
    const kinds = new Map(wanted.map(({ family, protocol }) => [`${family} ${protocol}`, { family, protocol }]));
    const doomed = [...kinds.values()]
      .flatMap(({ family, protocol }) => this.list(family, protocol))
      .filter((entry) => wanted.some((match) => matches(entry, match)));
    // ENOENT: it ended by itself meanwhile.
    for (const error of this.#socket.batch(doomed.map(encodeConntrackDelete))) if (error && error.errno !== Errno.ENOENT) throw error;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

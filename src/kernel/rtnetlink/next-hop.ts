import { AttributeReader, ShortReadError } from "#kernel/netlink";
import { readIp } from "./family.ts";

/** One of several next hops of a route. */
export interface NextHop {
  readonly index: number;
  readonly gateway?: string;
  /** 1 to 256. */
  readonly weight: number;
  readonly onlink: boolean;
}

const RTA_GATEWAY = 5;
const RTA_VIA = 18;
const RTNH_F_ONLINK = 4;

/*
 * struct rtnexthop
 *  0  u16 length with its attributes
 *  2  u8  flags
 *  3  u8  weight - 1
 *  4  i32 link index
 */
const RTNEXTHOP = 8;

/** Reads RTA_MULTIPATH. @throws ShortReadError */
export function decodeNextHops(bytes: Uint8Array): NextHop[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hops: NextHop[] = [];
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    if (left < RTNEXTHOP) throw new ShortReadError("a next hop", RTNEXTHOP, left);
    const size = view.getUint16(at, true);
    if (size < RTNEXTHOP || size > left) throw new ShortReadError("a next hop", size, left);
    const reader = new AttributeReader(bytes, at + RTNEXTHOP, at + size);
    let gateway: string | undefined;
    while (reader.next()) {
      if (reader.type === RTA_GATEWAY) gateway = readIp(reader);
      else if (reader.type === RTA_VIA) gateway = readIp(reader, 2);
    }
    hops.push({
      index: view.getInt32(at + 4, true),
      weight: view.getUint8(at + 3) + 1,
      onlink: (view.getUint8(at + 2) & RTNH_F_ONLINK) !== 0,
      ...(gateway !== undefined && { gateway }),
    });
    at += (size + 3) & ~3;
  }
  return hops;
}

import { type Family, ipToBytes } from "#base";
import {
  AttributeReader,
  buildRequest,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type PayloadWriter,
  type RawAttribute,
} from "#kernel/netlink";
import { RT_TABLE_MAIN, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE, RTPROT_BOOT } from "./constants.ts";
import { afOf, afOfText, familyOfAf, joinPrefix, readIp, splitPrefix } from "./family.ts";
import type { DecodeOptions } from "./link.ts";
import { decodeNextHops, type NextHop } from "./next-hop.ts";

const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;

export const RTNH_F_ONLINK = 4;
const RTM_F_CLONED = 0x200;
const RTM_F_LOOKUP_TABLE = 0x1000;

const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RT_SCOPE_NOWHERE = 255;

const ROUTE_TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;
export type RouteType = keyof typeof ROUTE_TYPES;
const typeNames = new Map<number, RouteType>(Object.entries(ROUTE_TYPES).map(([name, value]) => [value, name as RouteType]));

/** A route as the kernel describes it. */
export interface Route {
  readonly family: Family;
  readonly type: RouteType | number;
  /** A prefix; `0.0.0.0/0` and `::/0` are the default routes. */
  readonly destination: string;
  readonly table: number;
  /** RTPROT_*: who made it. */
  readonly protocol: number;
  readonly scope: number;
  /** Index of the link; absent when there are several next hops, or none. */
  readonly index?: number;
  readonly gateway?: string;
  /** The preferred source address. */
  readonly source?: string;
  readonly metric?: number;
  readonly onlink: boolean;
  /** RTM_F_CLONED: an entry of the cache, not of a table. */
  readonly cloned: boolean;
  readonly mtu?: number;
  /** Source prefix of a source-specific IPv6 route. */
  readonly from?: string;
  readonly nextHops?: readonly NextHop[];
  readonly unknown?: readonly RawAttribute[];
}

export interface RouteRequest {
  readonly destination: string;
  readonly type?: RouteType;
  readonly index?: number;
  readonly gateway?: string;
  readonly source?: string;
  readonly metric?: number;
  /** 254 (main) unless given. */
  readonly table?: number;
  readonly onlink?: boolean;
  readonly mtu?: number;
  /** RTPROT_*, `boot` unless given, as `ip route` does. */
  readonly protocol?: number;
  /** Computed as `ip route` does unless given. */
  readonly scope?: number;
}

/*
 * struct rtmsg
 *  0  u8 family        1  u8 destination prefix length   2  u8 source prefix length   3  u8 tos
 *  4  u8 table (0 when RTA_TABLE says it)   5  u8 protocol   6  u8 scope   7  u8 type
 *  8  u32 flags
 */
const RTMSG = 12;

/** What iproute2 takes for granted: no gateway means on the link, a local route means on this host. */
function scopeOf(request: RouteRequest, family: Family, deleting: boolean): number {
  if (request.scope !== undefined) return request.scope;
  if (family === 6) return RT_SCOPE_UNIVERSE;
  const type = request.type ?? "unicast";
  if (type === "local") return RT_SCOPE_HOST;
  if (type === "broadcast" || type === "multicast" || type === "anycast") return RT_SCOPE_LINK;
  if (type !== "unicast") return RT_SCOPE_UNIVERSE;
  if (deleting) return RT_SCOPE_NOWHERE;
  return request.gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function encodeRoute(writer: PayloadWriter, request: RouteRequest, deleting: boolean): void {
  const { family, bytes, prefix } = splitPrefix(request.destination);
  const table = request.table ?? RT_TABLE_MAIN;
  writer
    .u8(afOf(family))
    .u8(prefix)
    .u8(0)
    .u8(0)
    .u8(table < 256 ? table : 0)
    .u8(request.protocol ?? (deleting ? 0 : RTPROT_BOOT))
    .u8(scopeOf(request, family, deleting))
    .u8(deleting && request.type === undefined ? 0 : ROUTE_TYPES[request.type ?? "unicast"])
    .u32(request.onlink ? RTNH_F_ONLINK : 0);
  if (prefix > 0) writer.attrBytes(RTA_DST, bytes);
  if (request.gateway !== undefined) encodeGateway(writer, family, request.gateway);
  if (request.source !== undefined) writer.attrBytes(RTA_PREFSRC, ipToBytes(request.source));
  if (table >= 256) writer.attrU32(RTA_TABLE, table);
  if (request.metric !== undefined) writer.attrU32(RTA_PRIORITY, request.metric);
  if (request.index !== undefined) writer.attrU32(RTA_OIF, request.index);
  const { mtu } = request;
  if (mtu !== undefined) writer.nest(RTA_METRICS, () => writer.attrU32(RTAX_MTU, mtu));
}

function encodeGateway(writer: PayloadWriter, family: Family, gateway: string): void {
  const bytes = ipToBytes(gateway);
  if (afOfText(gateway) === afOf(family)) {
    writer.attrBytes(RTA_GATEWAY, bytes);
    return;
  }
  // struct rtvia, for an IPv6 gateway of an IPv4 route: u16 family and the address.
  const via = new Uint8Array(2 + bytes.length);
  new DataView(via.buffer).setUint16(0, afOfText(gateway), true);
  via.set(bytes, 2);
  writer.attrBytes(RTA_VIA, via);
}

function nameOf(request: RouteRequest): string {
  const via = request.gateway === undefined ? "" : ` via ${request.gateway}`;
  const link = request.index === undefined ? "" : ` dev #${request.index}`;
  return `${request.destination}${via}${link}`;
}

/** `ip route add`: EEXIST when a route of that destination, metric and table is there. */
export const encodeNewRoute = (request: RouteRequest): NetlinkRequest =>
  buildRequest(`RTM_NEWROUTE ${nameOf(request)}`, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, (writer) => encodeRoute(writer, request, false));

/** `ip route replace`. */
export const encodeReplaceRoute = (request: RouteRequest): NetlinkRequest =>
  buildRequest(`RTM_NEWROUTE ${nameOf(request)}`, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, (writer) =>
    encodeRoute(writer, request, false),
  );

/** `ip route delete`: the first that has all that is given; ESRCH when there is none. */
export const encodeDeleteRoute = (request: RouteRequest): NetlinkRequest =>
  buildRequest(`RTM_DELROUTE ${nameOf(request)}`, RTM_DELROUTE, 0, (writer) => encodeRoute(writer, request, true));

/** `ip route show table all`, of one table when given. */
export function encodeDumpRoutes(filter: { readonly family?: Family; readonly table?: number } = {}): NetlinkRequest {
  return buildRequest("RTM_GETROUTE", RTM_GETROUTE, 0, (writer) => {
    writer.u8(afOf(filter.family)).raw(new Uint8Array(RTMSG - 1));
    if (filter.table !== undefined) writer.attrU32(RTA_TABLE, filter.table);
  });
}

/** `ip route get`: which route a packet to `address` takes. */
export function encodeGetRoute(address: string, options: { readonly source?: string; readonly index?: number } = {}): NetlinkRequest {
  return buildRequest(`RTM_GETROUTE ${address}`, RTM_GETROUTE, 0, (writer) => {
    const bytes = ipToBytes(address);
    const width = bytes.length * 8;
    writer
      .u8(afOfText(address))
      .u8(width)
      .u8(options.source ? width : 0)
      .raw(new Uint8Array(5))
      // Strict checking refuses the flag for IPv6, which always says the real table.
      .u32(bytes.length === 4 ? RTM_F_LOOKUP_TABLE : 0);
    writer.attrBytes(RTA_DST, bytes);
    if (options.source) writer.attrBytes(RTA_SRC, ipToBytes(options.source));
    if (options.index !== undefined) writer.attrU32(RTA_OIF, options.index);
  });
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the payload of RTM_NEWROUTE or RTM_DELROUTE; undefined for a family that is not ours. @throws ShortReadError */
export function decodeRoute(payload: Uint8Array, options: DecodeOptions = {}): Route | undefined {
  const reader = new AttributeReader(payload, RTMSG);
  const family = familyOfAf(reader.headU8(0));
  if (family === undefined) return undefined;
  const flags = reader.headU32(8);
  const unknown: RawAttribute[] = [];
  let destination: Uint8Array | undefined;
  const type = reader.headU8(7);
  const route: Mutable<Route> = {
    family,
    type: typeNames.get(type) ?? type,
    destination: "",
    table: reader.headU8(4),
    protocol: reader.headU8(5),
    scope: reader.headU8(6),
    onlink: (flags & RTNH_F_ONLINK) !== 0,
    cloned: (flags & RTM_F_CLONED) !== 0,
  };
  while (reader.next()) {
    if (reader.type === RTA_DST) destination = reader.bytes();
    else if (reader.type === RTA_OIF) route.index = reader.u32();
    else if (reader.type === RTA_GATEWAY) route.gateway = readIp(reader);
    else if (reader.type === RTA_VIA) route.gateway = readIp(reader, 2);
    else if (reader.type === RTA_PREFSRC) route.source = readIp(reader);
    else if (reader.type === RTA_PRIORITY) route.metric = reader.u32();
    else if (reader.type === RTA_TABLE) route.table = reader.u32();
    else if (reader.type === RTA_SRC) route.from = joinPrefix(family, reader.bytes(), reader.headU8(2));
    else if (reader.type === RTA_MULTIPATH) route.nextHops = decodeNextHops(reader.bytes());
    else if (reader.type === RTA_METRICS) {
      const metrics = reader.nested();
      while (metrics.next()) if (metrics.type === RTAX_MTU) route.mtu = metrics.u32();
    } else if (options.unknown) unknown.push(reader.raw());
  }
  route.destination = joinPrefix(family, destination, reader.headU8(1));
  if (options.unknown) route.unknown = unknown;
  return route;
}

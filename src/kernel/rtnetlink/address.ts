import { type Family, formatIp, lastOf, parseCidr } from "#base";
import {
  AttributeReader,
  buildRequest,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type PayloadWriter,
  type RawAttribute,
} from "#kernel/netlink";
import { RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from "./constants.ts";
import { afOf, familyOfAf, joinPrefix, readIp, splitPrefix } from "./family.ts";
import type { DecodeOptions } from "./link.ts";

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;

export const IFA_F_NODAD = 0x02;
export const IFA_F_NOPREFIXROUTE = 0x200;

/** An address of a link as the kernel describes it. */
export interface Address {
  readonly family: Family;
  /** Index of the link. */
  readonly index: number;
  /** `10.0.0.1/24` */
  readonly address: string;
  /** The far end of a point-to-point link. */
  readonly peer?: string;
  readonly broadcast?: string;
  readonly label?: string;
  /** RT_SCOPE_*: 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** IFA_F_* bits. */
  readonly flags: number;
  readonly unknown?: readonly RawAttribute[];
}

export interface AddressRequest {
  readonly index: number;
  /** `10.0.0.1/24` */
  readonly address: string;
  /** IPv4 only; `broadcastOf` computes what `brd +` gives. */
  readonly broadcast?: string;
  /** IFA_F_NODAD: usable at once, without duplicate address detection. */
  readonly noDad?: boolean;
  /** IFA_F_NOPREFIXROUTE: no route to the prefix comes with it. */
  readonly noPrefixRoute?: boolean;
  /** RT_SCOPE_*, 0 unless given. */
  readonly scope?: number;
}

/*
 * struct ifaddrmsg
 *  0  u8  family
 *  1  u8  prefix length
 *  2  u8  flags, the low byte of IFA_FLAGS
 *  3  u8  scope
 *  4  u32 link index
 */
const IFADDRMSG = 8;

function encodeAddress(writer: PayloadWriter, request: AddressRequest): void {
  const { family, bytes, prefix } = splitPrefix(request.address);
  const flags = (request.noDad ? IFA_F_NODAD : 0) | (request.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0);
  writer
    .u8(afOf(family))
    .u8(prefix)
    .u8(flags > 0xff ? 0 : flags)
    .u8(request.scope ?? 0)
    .u32(request.index);
  writer.attrBytes(IFA_LOCAL, bytes);
  if (request.broadcast !== undefined) writer.attrBytes(IFA_BROADCAST, splitPrefix(`${request.broadcast}/32`).bytes);
  if (flags > 0xff) writer.attrU32(IFA_FLAGS, flags);
  writer.attrBytes(IFA_ADDRESS, bytes);
}

const nameOf = (request: AddressRequest): string => `${request.address} dev #${request.index}`;

/** `ip address add`: EEXIST when it is there. */
export const encodeNewAddress = (request: AddressRequest): NetlinkRequest =>
  buildRequest(`RTM_NEWADDR ${nameOf(request)}`, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, (writer) => encodeAddress(writer, request));

/** `ip address delete`: EADDRNOTAVAIL when it is not there. */
export const encodeDeleteAddress = (request: AddressRequest): NetlinkRequest =>
  buildRequest(`RTM_DELADDR ${nameOf(request)}`, RTM_DELADDR, 0, (writer) => encodeAddress(writer, request));

/** `ip address show`, of one link when `index` is given. */
export const encodeDumpAddresses = (filter: { readonly family?: Family; readonly index?: number } = {}): NetlinkRequest =>
  buildRequest("RTM_GETADDR", RTM_GETADDR, 0, (writer) =>
    writer
      .u8(afOf(filter.family))
      .raw(new Uint8Array(3))
      .u32(filter.index ?? 0),
  );

/** The all-ones address of an IPv4 prefix, what `ip address add … broadcast +` writes. */
export function broadcastOf(address: string): string {
  return formatIp({ family: 4, value: lastOf(parseCidr(address)) });
}

/** Reads the payload of RTM_NEWADDR or RTM_DELADDR; undefined for a family that is not ours. @throws ShortReadError */
export function decodeAddress(payload: Uint8Array, options: DecodeOptions = {}): Address | undefined {
  const reader = new AttributeReader(payload, IFADDRMSG);
  const family = familyOfAf(reader.headU8(0));
  if (family === undefined) return undefined;
  const prefix = reader.headU8(1);
  let flags = reader.headU8(2);
  let local: Uint8Array | undefined;
  let address: Uint8Array | undefined;
  let broadcast: string | undefined;
  let label: string | undefined;
  const unknown: RawAttribute[] = [];
  while (reader.next()) {
    if (reader.type === IFA_ADDRESS) address = reader.bytes();
    else if (reader.type === IFA_LOCAL) local = reader.bytes();
    else if (reader.type === IFA_BROADCAST) broadcast = readIp(reader);
    else if (reader.type === IFA_LABEL) label = reader.string();
    else if (reader.type === IFA_FLAGS) flags = reader.u32();
    else if (options.unknown) unknown.push(reader.raw());
  }
  const own = joinPrefix(family, local ?? address, prefix);
  const far = joinPrefix(family, address ?? local, prefix);
  return {
    family,
    index: reader.headU32(4),
    address: own,
    ...(far !== own && { peer: far }),
    ...(broadcast !== undefined && { broadcast }),
    ...(label !== undefined && { label }),
    scope: reader.headU8(3),
    flags,
    ...(options.unknown && { unknown }),
  };
}

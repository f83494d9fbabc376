import { bytesToMac, type Family, familyOf, ipToBytes, macToBytes } from "#base";
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
import { RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from "./constants.ts";
import { afOf, afOfText, familyOfAf, readIp } from "./family.ts";
import type { DecodeOptions } from "./link.ts";

export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_IFINDEX = 8;

/** Neighbour states; `permanent` and `noarp` never change by themselves. */
export const NUD = { none: 0, incomplete: 1, reachable: 2, stale: 4, delay: 8, probe: 16, failed: 32, noarp: 64, permanent: 128 } as const;
export type NeighbourState = keyof typeof NUD;
const stateNames = new Map<number, NeighbourState>(Object.entries(NUD).map(([name, value]) => [value, name as NeighbourState]));
const stateOf = (value: number): NeighbourState => stateNames.get(value) ?? "none";

const NTF_PROXY = 8;

/** An ARP or NDP entry as the kernel describes it. */
export interface Neighbour {
  readonly family: Family;
  readonly index: number;
  readonly address: string;
  /** Absent while it is being resolved, or when that failed. */
  readonly mac?: string;
  readonly state: NeighbourState;
  /** Answered for others (`ip neigh add proxy`). */
  readonly proxy: boolean;
  readonly unknown?: readonly RawAttribute[];
}

export interface NeighbourRequest {
  readonly index: number;
  readonly address: string;
  readonly mac?: string;
  /** `permanent` unless given. */
  readonly state?: NeighbourState;
  readonly proxy?: boolean;
}

/*
 * struct ndmsg
 *  0  u8  family, 3 bytes pad
 *  4  i32 link index
 *  8  u16 state
 * 10  u8  flags
 * 11  u8  type
 */
export const NDMSG = 12;

export function writeNeighbourHeader(writer: PayloadWriter, family: number, index: number, state: number, flags: number): void {
  writer.u32(family).u32(index).u16(state).u8(flags).u8(0);
}

function encodeNeighbour(writer: PayloadWriter, request: NeighbourRequest): void {
  const state = request.proxy ? NUD.permanent : NUD[request.state ?? "permanent"];
  writeNeighbourHeader(writer, afOf(familyOf(request.address)), request.index, state, request.proxy ? NTF_PROXY : 0);
  writer.attrBytes(NDA_DST, ipToBytes(request.address));
  if (request.mac !== undefined) writer.attrBytes(NDA_LLADDR, macToBytes(request.mac));
}

const nameOf = (request: NeighbourRequest): string => `${request.address} dev #${request.index}`;

/** `ip neighbour add`. */
export const encodeNewNeighbour = (request: NeighbourRequest): NetlinkRequest =>
  buildRequest(`RTM_NEWNEIGH ${nameOf(request)}`, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, (writer) => encodeNeighbour(writer, request));

/** `ip neighbour replace`. */
export const encodeReplaceNeighbour = (request: NeighbourRequest): NetlinkRequest =>
  buildRequest(`RTM_NEWNEIGH ${nameOf(request)}`, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, (writer) => encodeNeighbour(writer, request));

/** `ip neighbour delete`: ENOENT when there is none. */
export const encodeDeleteNeighbour = (request: NeighbourRequest): NetlinkRequest =>
  buildRequest(`RTM_DELNEIGH ${nameOf(request)}`, RTM_DELNEIGH, 0, (writer) => encodeNeighbour(writer, request));

/** `ip neighbour show nud all`, of one link when `index` is given. */
export function encodeDumpNeighbours(filter: { readonly family?: Family; readonly index?: number } = {}): NetlinkRequest {
  return buildRequest("RTM_GETNEIGH", RTM_GETNEIGH, 0, (writer) => {
    writeNeighbourHeader(writer, afOf(filter.family), 0, 0, 0);
    if (filter.index !== undefined) writer.attrU32(NDA_IFINDEX, filter.index);
  });
}

/** `ip neighbour get`: one entry; ENOENT when there is none. */
export const encodeGetNeighbour = (request: { readonly index: number; readonly address: string }): NetlinkRequest =>
  buildRequest(`RTM_GETNEIGH ${nameOf(request)}`, RTM_GETNEIGH, 0, (writer) => {
    writeNeighbourHeader(writer, afOfText(request.address), request.index, 0, 0);
    writer.attrBytes(NDA_DST, ipToBytes(request.address));
  });

/** Reads the payload of RTM_NEWNEIGH or RTM_DELNEIGH; undefined for the bridge's entries, which `decodeFdb` reads. @throws ShortReadError */
export function decodeNeighbour(payload: Uint8Array, options: DecodeOptions = {}): Neighbour | undefined {
  const reader = new AttributeReader(payload, NDMSG);
  const family = familyOfAf(reader.headU8(0));
  if (family === undefined) return undefined;
  let address = family === 4 ? "0.0.0.0" : "::";
  let mac: string | undefined;
  const unknown: RawAttribute[] = [];
  while (reader.next()) {
    if (reader.type === NDA_DST) address = readIp(reader);
    else if (reader.type === NDA_LLADDR && reader.length === 6) mac = bytesToMac(reader.bytes());
    else if (options.unknown) unknown.push(reader.raw());
  }
  return {
    family,
    index: reader.headU32(4),
    address,
    ...(mac !== undefined && { mac }),
    state: stateOf(reader.headU16(8)),
    proxy: (reader.headU8(10) & NTF_PROXY) !== 0,
    ...(options.unknown && { unknown }),
  };
}

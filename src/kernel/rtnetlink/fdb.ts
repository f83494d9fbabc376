import { bytesToMac, ipToBytes, macToBytes } from "#base";
import {
  AttributeReader,
  buildRequest,
  type NetlinkRequest,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type PayloadWriter,
  type RawAttribute,
} from "#kernel/netlink";
import { AF_BRIDGE, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from "./constants.ts";
import { readIp } from "./family.ts";
import type { DecodeOptions } from "./link.ts";
import { NDA_DST, NDA_IFINDEX, NDA_LLADDR, NDMSG, NUD, writeNeighbourHeader } from "./neighbour.ts";

const NDA_VLAN = 5;
const NDA_PORT = 6;
const NDA_VNI = 7;
const NDA_MASTER = 9;
const NTF_SELF = 2;
const NTF_MASTER = 4;
const NTF_EXT_LEARNED = 16;

/**
 * `permanent`: the link's own address, or an entry of ours on a VXLAN link; `static`: never ages, iproute2's word too; `learned`: ages.
 * The combinations of neighbour states are those that iproute2 sends and the bridge and VXLAN drivers tell apart.
 */
const FDB_STATES = { permanent: NUD.permanent | NUD.noarp, static: NUD.noarp | NUD.reachable, learned: NUD.reachable } as const;
export type FdbState = keyof typeof FDB_STATES;

function fdbStateOf(bits: number): FdbState {
  if (bits & NUD.permanent) return "permanent";
  return bits & NUD.noarp ? "static" : "learned";
}

/** An entry of a bridge's or a VXLAN link's forwarding database. */
export interface FdbEntry {
  /** The link: a bridge port, or the VXLAN link. */
  readonly index: number;
  readonly mac: string;
  readonly state: FdbState;
  /** The VTEP that frames to this MAC go to. */
  readonly destination?: string;
  /** The bridge that keeps it; absent when the link itself does. */
  readonly master?: number;
  readonly vlan?: number;
  readonly vni?: number;
  /** UDP port when it is not the VXLAN link's. */
  readonly port?: number;
  /** Kept by the link itself (`self`), not by its bridge. */
  readonly self: boolean;
  /** Added by a control plane (`extern_learn`). */
  readonly external: boolean;
  readonly unknown?: readonly RawAttribute[];
}

export interface FdbRequest {
  readonly index: number;
  readonly mac: string;
  /** `permanent` unless given. */
  readonly state?: FdbState;
  readonly destination?: string;
  readonly vlan?: number;
  readonly vni?: number;
  readonly port?: number;
  /** Into the bridge the link is a port of, not the link itself. */
  readonly master?: boolean;
  readonly external?: boolean;
}

function encodeFdb(writer: PayloadWriter, request: FdbRequest): void {
  const flags = (request.master ? NTF_MASTER : NTF_SELF) | (request.external ? NTF_EXT_LEARNED : 0);
  writeNeighbourHeader(writer, AF_BRIDGE, request.index, FDB_STATES[request.state ?? "permanent"], flags);
  writer.attrBytes(NDA_LLADDR, macToBytes(request.mac));
  if (request.destination !== undefined) writer.attrBytes(NDA_DST, ipToBytes(request.destination));
  if (request.vlan !== undefined) writer.attrU16(NDA_VLAN, request.vlan);
  if (request.port !== undefined) writer.attrU16be(NDA_PORT, request.port);
  if (request.vni !== undefined) writer.attrU32(NDA_VNI, request.vni);
}

const nameOf = (request: FdbRequest): string =>
  `fdb ${request.mac} dev #${request.index}${request.destination === undefined ? "" : ` dst ${request.destination}`}`;

const newFdb = (request: FdbRequest, flags: number): NetlinkRequest =>
  buildRequest(`RTM_NEWNEIGH ${nameOf(request)}`, RTM_NEWNEIGH, NLM_F_CREATE | flags, (writer) => encodeFdb(writer, request));

/** `bridge fdb add`: EEXIST when the MAC has an entry. */
export const encodeNewFdb = (request: FdbRequest): NetlinkRequest => newFdb(request, NLM_F_EXCL);

/** `bridge fdb append`: one more destination of the same MAC, as the all-zero MAC has for flooding. One that is there already is no error. */
export const encodeAppendFdb = (request: FdbRequest): NetlinkRequest => newFdb(request, NLM_F_APPEND);

/** `bridge fdb replace`. */
export const encodeReplaceFdb = (request: FdbRequest): NetlinkRequest => newFdb(request, NLM_F_REPLACE);

/** `bridge fdb delete`: ENOENT when there is none. */
export const encodeDeleteFdb = (request: FdbRequest): NetlinkRequest =>
  buildRequest(`RTM_DELNEIGH ${nameOf(request)}`, RTM_DELNEIGH, 0, (writer) => encodeFdb(writer, request));

/** `bridge fdb show`, of one link (`dev`) or one bridge (`br`) when given. */
export function encodeDumpFdb(filter: { readonly index?: number; readonly master?: number } = {}): NetlinkRequest {
  return buildRequest("RTM_GETNEIGH fdb", RTM_GETNEIGH, 0, (writer) => {
    writeNeighbourHeader(writer, AF_BRIDGE, filter.index ?? 0, 0, 0);
    if (filter.master !== undefined) writer.attrU32(NDA_MASTER, filter.master);
  });
}

/** Reads the payload of RTM_NEWNEIGH or RTM_DELNEIGH; undefined for what is no bridge's, or has no MAC. @throws ShortReadError */
export function decodeFdb(payload: Uint8Array, options: DecodeOptions = {}): FdbEntry | undefined {
  const reader = new AttributeReader(payload, NDMSG);
  if (reader.headU8(0) !== AF_BRIDGE) return undefined;
  const flags = reader.headU8(10);
  const entry: { -readonly [K in keyof FdbEntry]: FdbEntry[K] } = {
    index: reader.headU32(4),
    mac: "",
    state: fdbStateOf(reader.headU16(8)),
    self: (flags & NTF_SELF) !== 0,
    external: (flags & NTF_EXT_LEARNED) !== 0,
  };
  const unknown: RawAttribute[] = [];
  while (reader.next()) {
    if (reader.type === NDA_LLADDR && reader.length === 6) entry.mac = bytesToMac(reader.bytes());
    else if (reader.type === NDA_DST) entry.destination = readIp(reader);
    else if (reader.type === NDA_MASTER) entry.master = reader.u32();
    else if (reader.type === NDA_VLAN) entry.vlan = reader.u16();
    else if (reader.type === NDA_VNI) entry.vni = reader.u32();
    else if (reader.type === NDA_PORT) entry.port = reader.u16be();
    else if (options.unknown && reader.type !== NDA_IFINDEX) unknown.push(reader.raw());
  }
  if (entry.mac === "") return undefined;
  if (options.unknown) entry.unknown = unknown;
  return entry;
}

import type { Family } from "#base";
import {
  AttributeReader,
  buildRequest,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type PayloadWriter,
  type RawAttribute,
} from "#kernel/netlink";
import { RT_TABLE_MAIN, RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE } from "./constants.ts";
import { afOf, familyOfAf, joinPrefix, splitPrefix } from "./family.ts";
import type { DecodeOptions } from "./link.ts";

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_PROTOCOL = 21;

const ACTIONS = { lookup: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
export type RuleAction = keyof typeof ACTIONS;
const actionNames = new Map<number, RuleAction>(Object.entries(ACTIONS).map(([name, value]) => [value, name as RuleAction]));
const FIB_RULE_INVERT = 2;

/** A policy routing rule. */
export interface Rule {
  readonly family: Family;
  /** Evaluated from the lowest; the kernel's own are 0, 32766 and 32767. */
  readonly priority: number;
  readonly action: RuleAction | number;
  readonly table: number;
  /** A prefix; absent is all. */
  readonly from?: string;
  readonly to?: string;
  readonly inputLink?: string;
  readonly outputLink?: string;
  readonly mark?: number;
  readonly markMask?: number;
  /** A route found with a prefix this short or shorter does not count. */
  readonly suppressPrefixLength?: number;
  readonly inverted: boolean;
  readonly protocol: number;
  readonly unknown?: readonly RawAttribute[];
}

export interface RuleRequest {
  readonly family: Family;
  readonly priority: number;
  readonly action?: RuleAction;
  readonly table?: number;
  readonly from?: string;
  readonly to?: string;
  readonly inputLink?: string;
  readonly outputLink?: string;
  readonly mark?: number;
  readonly markMask?: number;
  readonly suppressPrefixLength?: number;
  readonly inverted?: boolean;
  /** RTPROT_*. */
  readonly protocol?: number;
}

/*
 * struct fib_rule_hdr
 *  0  u8 family   1  u8 destination prefix length   2  u8 source prefix length   3  u8 tos
 *  4  u8 table (0 when FRA_TABLE says it)   5, 6 reserved   7  u8 action
 *  8  u32 flags
 */
const FIB_RULE_HDR = 12;

function encodeRule(writer: PayloadWriter, request: RuleRequest, deleting: boolean): void {
  const to = request.to === undefined ? undefined : splitPrefix(request.to);
  const from = request.from === undefined ? undefined : splitPrefix(request.from);
  const table = request.table ?? (deleting ? 0 : RT_TABLE_MAIN);
  const action = request.action ?? (deleting ? undefined : "lookup");
  writer
    .u8(afOf(request.family))
    .u8(to?.prefix ?? 0)
    .u8(from?.prefix ?? 0)
    .u8(0)
    .u8(table < 256 ? table : 0)
    .u16(0)
    .u8(action ? ACTIONS[action] : 0)
    .u32(request.inverted ? FIB_RULE_INVERT : 0);
  writer.attrU32(FRA_PRIORITY, request.priority);
  if (request.protocol !== undefined) writer.attrU8(FRA_PROTOCOL, request.protocol);
  if (from && from.prefix > 0) writer.attrBytes(FRA_SRC, from.bytes);
  if (to && to.prefix > 0) writer.attrBytes(FRA_DST, to.bytes);
  if (table >= 256) writer.attrU32(FRA_TABLE, table);
  if (request.mark !== undefined) writer.attrU32(FRA_FWMARK, request.mark);
  if (request.markMask !== undefined) writer.attrU32(FRA_FWMASK, request.markMask);
  if (request.inputLink !== undefined) writer.attrString(FRA_IIFNAME, request.inputLink);
  if (request.outputLink !== undefined) writer.attrString(FRA_OIFNAME, request.outputLink);
  if (request.suppressPrefixLength !== undefined) writer.attrU32(FRA_SUPPRESS_PREFIXLEN, request.suppressPrefixLength);
}

const nameOf = (request: RuleRequest): string =>
  `priority ${request.priority}${request.from ? ` from ${request.from}` : ""}${request.to ? ` to ${request.to}` : ""}`;

/** `ip rule add`: EEXIST when an equal one is there. */
export const encodeNewRule = (request: RuleRequest): NetlinkRequest =>
  buildRequest(`RTM_NEWRULE ${nameOf(request)}`, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, (writer) => encodeRule(writer, request, false));

/** `ip rule delete`: the first that has all that is given; ENOENT when there is none. */
export const encodeDeleteRule = (request: RuleRequest): NetlinkRequest =>
  buildRequest(`RTM_DELRULE ${nameOf(request)}`, RTM_DELRULE, 0, (writer) => encodeRule(writer, request, true));

/** `ip rule show`. The kernel has no dump of both families: ask for each. */
export const encodeDumpRules = (family: Family): NetlinkRequest =>
  buildRequest("RTM_GETRULE", RTM_GETRULE, 0, (writer) => writer.u8(afOf(family)).raw(new Uint8Array(FIB_RULE_HDR - 1)));

/** Reads the payload of RTM_NEWRULE or RTM_DELRULE; undefined for a family that is not ours. @throws ShortReadError */
export function decodeRule(payload: Uint8Array, options: DecodeOptions = {}): Rule | undefined {
  const reader = new AttributeReader(payload, FIB_RULE_HDR);
  const family = familyOfAf(reader.headU8(0));
  if (family === undefined) return undefined;
  const action = reader.headU8(7);
  const rule: { -readonly [K in keyof Rule]: Rule[K] } = {
    family,
    priority: 0,
    action: actionNames.get(action) ?? action,
    table: reader.headU8(4),
    inverted: (reader.headU32(8) & FIB_RULE_INVERT) !== 0,
    protocol: 0,
  };
  const unknown: RawAttribute[] = [];
  while (reader.next()) {
    const { type } = reader;
    if (type === FRA_DST) rule.to = joinPrefix(family, reader.bytes(), reader.headU8(1));
    else if (type === FRA_SRC) rule.from = joinPrefix(family, reader.bytes(), reader.headU8(2));
    else if (type === FRA_PRIORITY) rule.priority = reader.u32();
    else if (type === FRA_TABLE) rule.table = reader.u32();
    else if (type === FRA_IIFNAME) rule.inputLink = reader.string();
    else if (type === FRA_OIFNAME) rule.outputLink = reader.string();
    else if (type === FRA_FWMARK) rule.mark = reader.u32();
    else if (type === FRA_FWMASK) rule.markMask = reader.u32();
    else if (type === FRA_PROTOCOL) rule.protocol = reader.u8();
    else if (type === FRA_SUPPRESS_PREFIXLEN) {
      // -1 is the kernel's way of saying there is none.
      if (reader.i32() >= 0) rule.suppressPrefixLength = reader.u32();
    } else if (options.unknown) unknown.push(reader.raw());
  }
  if (options.unknown) rule.unknown = unknown;
  return rule;
}

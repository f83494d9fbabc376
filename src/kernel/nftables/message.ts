import { buildRequest, type NetlinkRequest, NLM_F_CREATE, type PayloadWriter } from "#kernel/netlink";
import { NFNL_BATCH_GENID, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES } from "./constants.ts";

/** NFPROTO_* by nft's names. */
export const FAMILIES = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;
export type TableFamily = keyof typeof FAMILIES;

const FAMILY_NAMES = new Map<number, TableFamily>(Object.entries(FAMILIES).map(([name, number]) => [number, name as TableFamily]));

/*
 * struct nfgenmsg
 *  0  u8   family
 *  1  u8   version, 0
 *  2  be16 resource id
 */
export const NFGENMSG_LENGTH = 4;

export const familyFromHeader = (payload: Uint8Array): TableFamily | undefined => FAMILY_NAMES.get(payload[0] ?? 0);

/** A message of a netfilter subsystem. */
export function nfnetlinkRequest(
  operation: string,
  message: { readonly subsystem: number; readonly type: number; readonly family: number; readonly flags?: number },
  write?: (writer: PayloadWriter) => void,
): NetlinkRequest {
  return buildRequest(operation, (message.subsystem << 8) | message.type, message.flags ?? 0, (writer) => {
    writer.u8(message.family).u8(0).u16be(0);
    write?.(writer);
  });
}

/** A message of nf_tables. */
export const nftRequest = (
  operation: string,
  type: number,
  family: TableFamily,
  flags: number,
  write?: (writer: PayloadWriter) => void,
): NetlinkRequest => nfnetlinkRequest(operation, { subsystem: NFNL_SUBSYS_NFTABLES, type, family: FAMILIES[family], flags }, write);

/** NLM_F_CREATE for what may be there already, and NLM_F_EXCL with it for what must not. */
export const CREATE = NLM_F_CREATE;

function batchMark(operation: string, type: number, generation?: number): NetlinkRequest {
  return buildRequest(operation, type, 0, (writer) => {
    writer.u8(0).u8(0).u16be(NFNL_SUBSYS_NFTABLES);
    if (generation !== undefined) writer.attrU32be(NFNL_BATCH_GENID, generation);
  });
}

/** Makes one transaction of some requests. With a generation the kernel refuses (ERESTART) when the ruleset is of another one. */
export const batchOf = (requests: readonly NetlinkRequest[], generation?: number): NetlinkRequest[] => [
  batchMark("begin nftables transaction", NFNL_MSG_BATCH_BEGIN, generation),
  ...requests,
  batchMark("commit nftables transaction", NFNL_MSG_BATCH_END),
];

import { AttributeReader, type NetlinkRequest, NLM_F_EXCL } from "#kernel/netlink";
import {
  NF_INET_HOOKS,
  NFT_MSG_DELCHAIN,
  NFT_MSG_NEWCHAIN,
  NFTA_CHAIN_HANDLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
} from "./constants.ts";
import { CREATE, familyFromHeader, NFGENMSG_LENGTH, nftRequest, type TableFamily } from "./message.ts";
import type { TableRef } from "./table.ts";

export type Hook = keyof typeof NF_INET_HOOKS;

export interface ChainRef extends TableRef {
  readonly chain: string;
}

/** A chain the kernel calls at a hook; lower priorities first. */
export interface BaseChain {
  readonly type: "filter" | "nat" | "route";
  readonly hook: Hook;
  readonly priority: number;
  readonly policy?: "accept" | "drop";
}

export interface ChainInfo {
  readonly family: TableFamily;
  readonly table: string;
  readonly name: string;
  readonly handle: bigint;
  readonly base?: BaseChain;
}

const HOOK_NAMES = Object.keys(NF_INET_HOOKS) as Hook[];

export const encodeNewChain = (chain: ChainRef, base?: BaseChain, options: { readonly exclusive?: boolean } = {}): NetlinkRequest =>
  nftRequest(
    `add chain ${chain.family} ${chain.table} ${chain.chain}`,
    NFT_MSG_NEWCHAIN,
    chain.family,
    CREATE | (options.exclusive ? NLM_F_EXCL : 0),
    (writer) => {
      writer.attrString(NFTA_CHAIN_TABLE, chain.table).attrString(NFTA_CHAIN_NAME, chain.chain);
      if (!base) return;
      writer
        .attrString(NFTA_CHAIN_TYPE, base.type)
        .attrU32be(NFTA_CHAIN_POLICY, base.policy === "drop" ? 0 : 1)
        .nested(NFTA_CHAIN_HOOK, (hook) =>
          hook.attrU32be(NFTA_HOOK_HOOKNUM, NF_INET_HOOKS[base.hook]).attrU32be(NFTA_HOOK_PRIORITY, base.priority),
        );
    },
  );

export const encodeDeleteChain = (chain: ChainRef): NetlinkRequest =>
  nftRequest(`delete chain ${chain.family} ${chain.table} ${chain.chain}`, NFT_MSG_DELCHAIN, chain.family, 0, (writer) =>
    writer.attrString(NFTA_CHAIN_TABLE, chain.table).attrString(NFTA_CHAIN_NAME, chain.chain),
  );

/** Reads NFT_MSG_NEWCHAIN. Hooks that only netdev chains have are shown without a base. */
export function decodeChain(payload: Uint8Array): ChainInfo {
  const info = { family: familyFromHeader(payload) ?? "inet", table: "", name: "", handle: 0n } as {
    -readonly [K in keyof ChainInfo]: ChainInfo[K];
  };
  let hook: Hook | undefined;
  let priority = 0;
  let policy: "accept" | "drop" = "accept";
  let type = "";
  const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
  while (reader.next()) {
    if (reader.type === NFTA_CHAIN_TABLE) info.table = reader.string();
    else if (reader.type === NFTA_CHAIN_NAME) info.name = reader.string();
    else if (reader.type === NFTA_CHAIN_HANDLE) info.handle = reader.u64be();
    else if (reader.type === NFTA_CHAIN_POLICY) policy = reader.u32be() === 0 ? "drop" : "accept";
    else if (reader.type === NFTA_CHAIN_TYPE) type = reader.string();
    else if (reader.type === NFTA_CHAIN_HOOK) {
      for (const inner = reader.nested(); inner.next(); ) {
        if (inner.type === NFTA_HOOK_HOOKNUM) hook = HOOK_NAMES[inner.u32be()];
        else if (inner.type === NFTA_HOOK_PRIORITY) priority = inner.u32be() | 0;
      }
    }
  }
  if (hook && (type === "filter" || type === "nat" || type === "route")) info.base = { type, hook, priority, policy };
  return info;
}

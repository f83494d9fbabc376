import { AttributeReader, type NetlinkRequest, NLM_F_APPEND } from "#kernel/netlink";
import type { ChainRef } from "./chain.ts";
import {
  NFT_MSG_DELRULE,
  NFT_MSG_NEWRULE,
  NFTA_LIST_ELEM,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
} from "./constants.ts";
import { decodeExpression, type Expression, encodeExpression } from "./expression.ts";
import { CREATE, familyFromHeader, NFGENMSG_LENGTH, nftRequest } from "./message.ts";

export interface RuleInfo extends ChainRef {
  readonly handle: bigint;
  readonly expressions: readonly Expression[];
}

/** Appends a rule to a chain. */
export const encodeNewRule = (chain: ChainRef, expressions: readonly Expression[]): NetlinkRequest =>
  nftRequest(`add rule ${chain.family} ${chain.table} ${chain.chain}`, NFT_MSG_NEWRULE, chain.family, CREATE | NLM_F_APPEND, (writer) =>
    writer
      .attrString(NFTA_RULE_TABLE, chain.table)
      .attrString(NFTA_RULE_CHAIN, chain.chain)
      .nested(NFTA_RULE_EXPRESSIONS, (list) => {
        for (const expression of expressions) list.nested(NFTA_LIST_ELEM, (element) => encodeExpression(element, expression));
      }),
  );

/** Deletes one rule by its handle, or every rule of the chain. */
export const encodeDeleteRules = (chain: ChainRef, handle?: bigint): NetlinkRequest =>
  nftRequest(
    `${handle === undefined ? "flush chain" : "delete rule"} ${chain.family} ${chain.table} ${chain.chain}`,
    NFT_MSG_DELRULE,
    chain.family,
    0,
    (writer) => {
      writer.attrString(NFTA_RULE_TABLE, chain.table).attrString(NFTA_RULE_CHAIN, chain.chain);
      if (handle !== undefined) writer.attrU64be(NFTA_RULE_HANDLE, handle);
    },
  );

/** Reads NFT_MSG_NEWRULE. */
export function decodeRule(payload: Uint8Array): RuleInfo {
  const info = { family: familyFromHeader(payload) ?? "inet", table: "", chain: "", handle: 0n, expressions: [] } as {
    -readonly [K in keyof RuleInfo]: RuleInfo[K];
  };
  const reader = new AttributeReader(payload, NFGENMSG_LENGTH);
  while (reader.next()) {
    if (reader.type === NFTA_RULE_TABLE) info.table = reader.string();
    else if (reader.type === NFTA_RULE_CHAIN) info.chain = reader.string();
    else if (reader.type === NFTA_RULE_HANDLE) info.handle = reader.u64be();
    else if (reader.type === NFTA_RULE_EXPRESSIONS) {
      const expressions: Expression[] = [];
      for (const list = reader.nested(); list.next(); ) expressions.push(decodeExpression(list.nested()));
      info.expressions = expressions;
    }
  }
  return info;
}

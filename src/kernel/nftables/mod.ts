/**
 * `kernel/nftables`: nf_tables by netlink: tables, chains, rules, sets, maps and their elements in one transaction a send, and libnftables for
 * whole ruleset files.
 *
 *     using nft = NftSocket.open("/run/netns/blue");
 *     nft.transaction([{ op: "addElements", set: PORTS, elements: [{ key: ["tcp", "8080"], value: ["10.0.0.2", "80"] }] }]);
 */
export * from "./chain.ts";
export * from "./conntrack.ts";
export { decodeElements, type Element, type ElementAction, elementText, encodeElements } from "./element.ts";
export { decodeExpression, type Expression, encodeExpression } from "./expression.ts";
export { boundsOf, rangeText, type SetField } from "./fields.ts";
export { listChain, listRuleset, loadRuleset } from "./libnftables.ts";
export { batchOf, FAMILIES, type TableFamily } from "./message.ts";
export * from "./monitor.ts";
export { NftSocket, TransactionError } from "./nft-socket.ts";
export { type EncodedOperation, encodeOperations, type NftOperation } from "./operation.ts";
export { encodeDeleteRules, encodeNewRule, type RuleInfo } from "./rule.ts";
export { hasSandboxTables, type SandboxTableSpec, sandboxTables, setSandboxTables } from "./sandbox-table.ts";
export { encodeDeleteSet, encodeNewSet, isOfSchema, type SetInfo, type SetSchema } from "./set.ts";
export { encodeDeleteTable, encodeNewTable, type TableInfo, type TableRef } from "./table.ts";

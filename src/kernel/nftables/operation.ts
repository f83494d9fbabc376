import type { NetlinkRequest } from "#kernel/netlink";
import { type BaseChain, type ChainRef, encodeDeleteChain, encodeNewChain } from "./chain.ts";
import { type Element, type ElementsRequest, encodeElements } from "./element.ts";
import type { Expression } from "./expression.ts";
import { encodeDeleteRules, encodeNewRule } from "./rule.ts";
import { encodeDeleteSet, encodeNewSet, type SetSchema } from "./set.ts";
import { encodeDeleteTable, encodeNewTable, type NewTableOptions, type TableRef } from "./table.ts";

/**
 * One step of a transaction.
 * - `add…` passes over what is there already, unless `exclusive` (EEXIST). A map element that is there with another value is EEXIST either way:
 *   delete it first, in the same transaction.
 * - `delete…` of what is not there is ENOENT, unless `ifPresent`, which elements alone have.
 */
export type NftOperation =
  /** A message encoded before, where the same is sent many times. */
  | { readonly op: "encoded"; readonly request: NetlinkRequest }
  | ({ readonly op: "addTable" } & NewTableOptions & TableRef)
  | ({ readonly op: "deleteTable" } & TableRef)
  | ({ readonly op: "addChain"; readonly base?: BaseChain; readonly exclusive?: boolean } & ChainRef)
  | ({ readonly op: "deleteChain" | "flushChain" } & ChainRef)
  | ({ readonly op: "addRule"; readonly expressions: readonly Expression[] } & ChainRef)
  | ({ readonly op: "deleteRule"; readonly handle: bigint } & ChainRef)
  | { readonly op: "addSet"; readonly set: SetSchema; readonly exclusive?: boolean }
  | { readonly op: "deleteSet"; readonly set: SetSchema }
  | { readonly op: "addElements"; readonly set: SetSchema; readonly elements: readonly Element[]; readonly exclusive?: boolean }
  | { readonly op: "deleteElements"; readonly set: SetSchema; readonly elements: readonly Element[]; readonly ifPresent?: boolean };

/** A request of a transaction and the operation it came from. */
export interface EncodedOperation {
  readonly operation: NftOperation;
  readonly request: NetlinkRequest;
  /** For elements: which ones this message carries. */
  readonly part?: ElementsRequest;
}

/** The messages of some operations, in order. @throws invalidParameter for elements that are not of their set's types */
export function encodeOperations(operations: readonly NftOperation[]): EncodedOperation[] {
  const encoded: EncodedOperation[] = [];
  for (const [index, operation] of operations.entries()) {
    const elements = elementsOf(operation);
    if (elements) for (const part of elements) encoded.push({ operation, request: part.request, part });
    else encoded.push({ operation, request: single(operation, index + 1) });
  }
  return encoded;
}

function elementsOf(operation: NftOperation): ElementsRequest[] | undefined {
  if (operation.op === "addElements") return encodeElements(operation.exclusive ? "create" : "add", operation.set, operation.elements);
  if (operation.op === "deleteElements")
    return encodeElements(operation.ifPresent ? "destroy" : "delete", operation.set, operation.elements);
  return undefined;
}

function single(operation: NftOperation, id: number): NetlinkRequest {
  switch (operation.op) {
    case "encoded":
      return operation.request;
    case "addTable":
      return encodeNewTable(operation, operation);
    case "deleteTable":
      return encodeDeleteTable(operation);
    case "addChain":
      return encodeNewChain(operation, operation.base, operation);
    case "deleteChain":
      return encodeDeleteChain(operation);
    case "flushChain":
      return encodeDeleteRules(operation);
    case "addRule":
      return encodeNewRule(operation, operation.expressions);
    case "deleteRule":
      return encodeDeleteRules(operation, operation.handle);
    case "addSet":
      return encodeNewSet(operation.set, { id, ...(operation.exclusive ? { exclusive: true } : {}) });
    case "deleteSet":
      return encodeDeleteSet(operation.set);
    default:
      throw new TypeError(`No single message for ${operation.op}`);
  }
}

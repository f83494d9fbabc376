import { FairwayError, invalid } from "#base";
import type { Check, Delete, Put, StoredRecord } from "./store.ts";

/** A record as tables keep it: the value is JSON text. */
export interface Row {
  readonly key: string;
  readonly json: string;
  readonly revision: number;
  readonly lease: string | null;
}

export type Operation = Put | Delete | Check;

/** Sorts after every legal key that starts with the same prefix: a noncharacter that keys may not contain. */
const LAST_CODE_POINT = "\u{10ffff}";

export const upperBoundOf = (prefix: string): string => prefix + LAST_CODE_POINT;

/** Order of the UTF-8 bytes, which SQLite and etcd sort by; JavaScript's own differs where surrogates are involved. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [left, right] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (left === right) continue;
    const [leftIsPair, rightIsPair] = [(left & 0xf800) === 0xd800, (right & 0xf800) === 0xd800];
    return leftIsPair === rightIsPair ? left - right : leftIsPair ? 1 : -1;
  }
  return a.length - b.length;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const inner of Object.values(value)) deepFreeze(inner);
  Object.freeze(value);
}

/** The plain, deeply frozen record of a row. */
export function recordOf<T>(row: Row): StoredRecord<T> {
  const value = JSON.parse(row.json) as T;
  deepFreeze(value);
  return Object.freeze({ key: row.key, value, revision: row.revision });
}

/** JSON text of a value to be stored. @throws invalidParameter, code `not-json` */
export function encodeValue(key: string, value: unknown): string {
  let json: string | undefined;
  let cause: unknown;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (json === undefined) throw invalid(`Cannot store "${key}": its value is no JSON value`, { code: "not-json", context: { key }, cause });
  return json;
}

/**
 * What every implementation refuses before it touches anything: bad keys, bad expectations, and one key written twice (etcd refuses it too).
 * @throws FairwayError invalidParameter
 */
export function checkOperations(operations: readonly Operation[]): void {
  const written = new Set<string>();
  for (const { op, key, expect } of operations) {
    if (key === "" || key.includes("\0") || key.includes(LAST_CODE_POINT) || !key.isWellFormed())
      throw invalid(`Cannot ${op} "${key}": not a usable key`, { code: "bad-key", context: { key } });
    if (expect !== undefined && !(Number.isSafeInteger(expect) && expect >= 0))
      throw invalid(`Cannot ${op} "${key}": expected revision ${expect} is no revision`, {
        code: "bad-revision",
        context: { key, expect },
      });
    if (op === "check") continue;
    if (written.has(key))
      throw invalid(`Cannot commit: "${key}" is written twice in one transaction`, { code: "duplicate-key", context: { key } });
    written.add(key);
  }
}

export function revisionMismatch(key: string, expected: number, actual: number): FairwayError {
  const state = actual === 0 ? "does not exist" : `is at revision ${actual}`;
  const wanted = expected === 0 ? "not to exist" : `at revision ${expected}`;
  return new FairwayError("conflict", `Cannot commit: "${key}" ${state}, expected it ${wanted}`, {
    code: "revision-mismatch",
    context: { key, expected, actual },
  });
}

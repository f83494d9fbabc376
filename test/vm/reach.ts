import assert from "node:assert/strict";
import { type End, pingMatrix } from "#lab";

/** Pings every pair of a grid's ends and compares cell by cell. @throws AssertionError with the whole grid */
export async function assertReach(ends: readonly End[], expected: string, what: string): Promise<void> {
  const matrix = await pingMatrix(ends, { expected });
  assert.deepEqual(matrix.differences(expected), [], `${what}\n${matrix.render()}`);
}

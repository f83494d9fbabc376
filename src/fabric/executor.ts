import type { Operation } from "./diff.ts";
import type { DesiredState, Item } from "./types.ts";

/** What stands between the fabric's bookkeeping and a kernel: the real one (`kernel-executor.ts`) or one in memory for tests. Synchronous. */
export interface Executor {
  /** Carries out operations in order, stopping at the first that fails. Deletions of what is already gone succeed. */
  run(operations: readonly Operation[]): RunResult;
  /** For each wanted item what the kernel has in its place: the very item when it matches, another when attributes differ, absent when missing. */
  observe(wanted: DesiredState): Observation;
  /** Finishes what `run` left to be done later. */
  close(): void;
}

export interface RunResult {
  /** Operations that took effect. */
  readonly done: readonly Operation[];
  readonly failure?: { readonly operation: Operation; readonly error: unknown };
}

export interface Observation {
  readonly actual: readonly Item[];
  /** Objects tagged as ours (link alias, elements of our table) that no wanted item speaks for. */
  readonly strays: readonly Item[];
}

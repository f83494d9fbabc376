import type { Operation } from "./diff.ts";
import type { DesiredState, Item } from "./types.ts";

/** What stands between the fabric's bookkeeping and a kernel: the real one (`kernel-executor.ts`) or one in memory for tests. Synchronous. */
export interface Executor {
  /** Carries out operations in order, and nothing that was not sent yet after one that fails. Deletions of what is already gone succeed. */
  run(operations: readonly Operation[]): RunResult;
  /** For each wanted item what the kernel has in its place: the very item when it matches, another when attributes differ, absent when missing. */
  observe(wanted: DesiredState): Observation;
  /** Finishes what `run` left to be done later. */
  close(): void;
}

export interface Failure {
  /** One of those that were given. */
  readonly operation: Operation;
  readonly error: unknown;
}

export interface RunResult {
  /** Operations that took effect; with a failure, all that may have, the failed one too where a part of it did: undoing what did not is no error. */
  readonly done: readonly Operation[];
  /** The first that failed. What was sent with it may have been done. */
  readonly failure?: Failure;
}

export interface Observation {
  readonly actual: readonly Item[];
  /** Objects tagged as ours (link alias, elements of our table) that no wanted item speaks for. */
  readonly strays: readonly Item[];
}

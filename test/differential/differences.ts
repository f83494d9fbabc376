import type { Unequal } from "./normalise.ts";
import type { Answer, Operation } from "./operation.ts";

export interface DifferenceContext {
  readonly operation: Operation;
  /** Operations of the sequence so far, this one included. */
  readonly history: readonly Operation[];
  /** Ours, theirs. */
  readonly answers: readonly [Answer, Answer];
}

/** One deliberate difference between Fairway and dockerd 20.10. */
export interface Difference {
  readonly where: string;
  readonly ours: string;
  readonly theirs: string;
  readonly reason: string;
  accepts(unequal: Unequal, context: DifferenceContext): boolean;
}

export const DIFFERENCES: readonly Difference[] = [];

import { ANSWERS } from "./differences-answers.ts";
import { FIELDS } from "./differences-fields.ts";
import type { Unequal } from "./normalise.ts";
import type { Answer, Operation } from "./operation.ts";

export interface DifferenceContext {
  readonly operation: Operation;
  /** Operations of the sequence so far, this one included. */
  readonly history: readonly Operation[];
  /** Ours, theirs. */
  readonly answers: readonly [Answer, Answer];
  /** What was said when the request failed: ours, theirs. */
  readonly messages: readonly [string, string];
}

/** One deliberate difference between Fairway and dockerd 20.10. */
export interface Difference {
  readonly where: string;
  readonly ours: string;
  readonly theirs: string;
  readonly reason: string;
  accepts(unequal: Unequal, context: DifferenceContext): boolean;
  /** What one daemon keeps after it and the other does not: the sequence ends here. */
  readonly ends?: true;
}

/** All of them, as docs/differences.md lists them. */
export const DIFFERENCES: readonly Difference[] = [...ANSWERS, ...FIELDS];

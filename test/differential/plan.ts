import { CORNERS } from "./corners.ts";
import type { Operation } from "./operation.ts";
import { sequence } from "./sequence.ts";

/** What is to be played: `FAIRWAY_SEQUENCES` random sequences, from seed `FAIRWAY_SEED` on. */
export interface Plan {
  readonly first: number;
  readonly count: number;
}

/** @throws when a variable is no number */
export function planFromEnvironment(defaultCount: number): Plan {
  const read = (name: string, fallback: number) => {
    const value = Number(process.env[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0) throw new Error(`${name} must be a whole number: ${process.env[name]}`);
    return value;
  };
  return { first: read("FAIRWAY_SEED", 1), count: read("FAIRWAY_SEQUENCES", defaultCount) };
}

/** The sequences of a plan, with their seeds; the corner cases come first, as `-1`, `-2`… */
export function* sequencesOf({ first, count }: Plan): Generator<readonly [seed: number, operations: readonly Operation[]]> {
  for (const [index, operations] of CORNERS.entries()) yield [-1 - index, operations];
  for (let seed = first; seed < first + count; seed++) yield [seed, sequence(seed)];
}

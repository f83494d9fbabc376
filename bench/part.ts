import type { Lab } from "#lab";
import type { Engine, EngineName } from "./engine.ts";

/** What a row must show: our figure within a bound of its unit, or so many times better than dockerd's. */
export type Goal = { readonly atMost: number } | { readonly timesDockerd: number };

export interface Row {
  readonly unit: string;
  /** Throughput and the like; a lower figure is better unless this is set. */
  readonly more?: true;
  readonly goal?: Goal;
}

/** Samples taken, by row and engine. */
export type Samples = Map<string, Map<EngineName, number[]>>;

/** What a part is given to measure with. */
export interface Bench {
  readonly lab: Lab;
  /** Daemons that are up, dockerd and fairway and, where the machine lets it, fairway on crun. */
  readonly engines: readonly Engine[];
  /** Samples to take of each figure. */
  readonly rounds: number;
  readonly record: (row: string, engine: EngineName, value: number) => void;
}

export interface Part {
  readonly name: string;
  /** The rows it fills, in the order they are shown. */
  readonly rows: Readonly<Record<string, Row>>;
  run(bench: Bench): Promise<void>;
}

/**
 * The engines in turn, A B A B: what else the machine does at the time meets all alike, and none is measured while its kernel still tidies up after its
 * own last turn. The first round warms up and is told so.
 */
export async function turns(
  engines: readonly Engine[],
  rounds: number,
  take: (engine: Engine, round: number, warmup: boolean) => Promise<void>,
): Promise<void> {
  for (let round = 0; round <= rounds; round++) for (const engine of engines) await take(engine, round, round === 0);
}

/** Both of the pair that is compared row by row; crun's is shown only where a runtime runs. */
export const onRunc = (engines: readonly Engine[]): Engine[] => engines.filter(({ name }) => name !== "fairway-crun");

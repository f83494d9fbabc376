import type { Engine, EngineName } from "./engine.ts";

export interface Goal {
  /** `fasterThanDockerd`: dockerd's figure over ours is at least `value`. `atMost`: ours is at most `value`, in the scenario's unit. */
  readonly kind: "fasterThanDockerd" | "atMost";
  readonly value: number;
}

/** Figures of one engine by the name of a row. */
export type Figures = Record<string, number>;

export interface Row {
  readonly unit: string;
  readonly goal?: Goal;
}

export interface Scenario {
  readonly name: string;
  /** Engines it is run on; both unless given. */
  readonly engines?: readonly EngineName[];
  /** The rows it fills, by name. */
  readonly rows: Readonly<Record<string, Row>>;
  /** @param rounds samples to take of each figure */
  run(engine: Engine, rounds: number): Promise<Figures>;
}

import type { EngineName } from "./engine.ts";
import type { Goal, Scenario } from "./scenario.ts";

export interface ReportRow {
  readonly scenario: string;
  readonly row: string;
  readonly unit: string;
  readonly fairway?: number;
  readonly dockerd?: number;
  /** dockerd's figure over ours. */
  readonly ratio?: number;
  readonly goal?: Goal;
  /** Absent where a figure is missing. */
  readonly met?: boolean;
}

type Measured = ReadonlyMap<EngineName, Readonly<Record<string, number>>>;

/** Rows of one scenario from what was measured on each engine. */
export function reportRows(scenario: Scenario, measured: Measured): ReportRow[] {
  return Object.entries(scenario.rows).map(([row, { unit, goal }]) => {
    const fairway = measured.get("fairway")?.[row];
    const dockerd = measured.get("dockerd")?.[row];
    const ratio = fairway !== undefined && dockerd !== undefined ? dockerd / fairway : undefined;
    const against = goal?.kind === "fasterThanDockerd" ? ratio : fairway;
    const met =
      goal && against !== undefined ? (goal.kind === "fasterThanDockerd" ? against >= goal.value : against <= goal.value) : undefined;
    return {
      scenario: scenario.name,
      row,
      unit,
      ...(fairway !== undefined ? { fairway } : {}),
      ...(dockerd !== undefined ? { dockerd } : {}),
      ...(ratio !== undefined ? { ratio } : {}),
      ...(goal ? { goal } : {}),
      ...(met !== undefined ? { met } : {}),
    };
  });
}

const figure = (value: number | undefined) => (value === undefined ? "" : value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const goalText = (goal: Goal | undefined, unit: string) =>
  goal === undefined ? "" : goal.kind === "atMost" ? `at most ${goal.value} ${unit}` : `${goal.value} times dockerd`;

/** The rows as an aligned table. */
export function renderTable(rows: readonly ReportRow[]): string {
  const cells = rows.map((each) => [
    each.row,
    figure(each.fairway),
    figure(each.dockerd),
    each.unit,
    each.ratio === undefined ? "" : `${each.ratio.toFixed(1)}x`,
    goalText(each.goal, each.unit),
    each.met === undefined ? "" : each.met ? "met" : "MISSED",
  ]);
  const table = [["", "fairway", "dockerd", "unit", "ratio", "goal", ""], ...cells];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

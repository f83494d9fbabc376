import type { EngineName } from "./engine.ts";
import { quantile } from "./measure.ts";
import type { Goal, Part, Row, Samples } from "./part.ts";

/** Median and spread of one engine's samples. */
export interface Figure {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly samples: number;
}

export interface ReportRow extends Row {
  readonly part: string;
  readonly row: string;
  readonly figures: Readonly<Partial<Record<EngineName, Figure>>>;
  /** How many times better than dockerd we are. */
  readonly ratio?: number;
  /** Absent where a figure is missing. */
  readonly met?: boolean;
}

function figureOf(samples: readonly number[]): Figure {
  const [p10, median, p90] = [0.1, 0.5, 0.9].map((share) => quantile(samples, share));
  return { median: median!, p10: p10!, p90: p90!, samples: samples.length };
}

/** Rows of one part from the samples taken; a row without any is left out. */
export function reportRows(part: Part, samples: Samples): ReportRow[] {
  return Object.entries(part.rows).flatMap(([row, spec]) => {
    const taken = samples.get(row);
    if (!taken) return [];
    const figures = Object.fromEntries([...taken].map(([name, list]) => [name, figureOf(list)])) as ReportRow["figures"];
    const ours = figures.fairway?.median;
    const theirs = figures.dockerd?.median;
    const ratio = ours && theirs ? (spec.more ? ours / theirs : theirs / ours) : undefined;
    const met = judge(spec.goal, ours, ratio);
    return [{ part: part.name, row, ...spec, figures, ...(ratio !== undefined ? { ratio } : {}), ...(met !== undefined ? { met } : {}) }];
  });
}

function judge(goal: Goal | undefined, ours: number | undefined, ratio: number | undefined): boolean | undefined {
  if (!goal) return undefined;
  if ("atMost" in goal) return ours === undefined ? undefined : ours <= goal.atMost;
  return ratio === undefined ? undefined : ratio >= goal.timesDockerd;
}

const show = (figure: Figure | undefined) => {
  if (figure === undefined) return "";
  const { median } = figure;
  return median >= 1000 ? Math.round(median).toLocaleString("en") : median >= 100 ? median.toFixed(0) : median.toPrecision(3);
};

const goalText = (row: ReportRow) =>
  !row.goal ? "" : "atMost" in row.goal ? `at most ${row.goal.atMost} ${row.unit}` : `${row.goal.timesDockerd}x`;

const HEAD = ["", "fairway", "on crun", "dockerd", "unit", "ratio", "goal", ""] as const;

function cells(row: ReportRow): string[] {
  const { figures, unit, ratio, met } = row;
  const three = [figures.fairway, figures["fairway-crun"], figures.dockerd].map(show);
  const verdict = met === undefined ? "" : met ? "met" : "MISSED";
  return [row.row, ...three, unit, ratio === undefined ? "" : `${ratio.toFixed(ratio < 10 ? 2 : 1)}x`, goalText(row), verdict];
}

/** The rows as an aligned table; as Markdown, with `|` about the cells. Figures are medians; a ratio above 1 is in our favour. */
export function renderTable(rows: readonly ReportRow[], markdown = false): string {
  const table = [[...HEAD], ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(3, ...table.map((line) => line[column]!.length)));
  const lines = table.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)));
  if (!markdown) return lines.map((line) => line.join("  ").trimEnd()).join("\n");
  const rule = widths.map((width) => "-".repeat(width));
  return [lines[0]!, rule, ...lines.slice(1)].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

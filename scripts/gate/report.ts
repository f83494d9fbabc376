import { type FileResult, passed } from "./run-tests.ts";
import { summaryLines, sumOf } from "./totals.ts";

export interface Outcome {
  readonly failedSteps: readonly string[];
  readonly results: readonly FileResult[];
  /** Files that passed only when run a second time. */
  readonly flaky?: readonly FileResult[];
  readonly milliseconds: number;
}

const named = ({ file, failed }: FileResult) => (failed.length > 0 ? `  ${file}: ${failed.join("; ")}` : `  ${file}`);

/** The end of a run: what failed, by name, and the totals. @returns the exit status */
export function report({ failedSteps, results, flaky = [], milliseconds }: Outcome, write: (line: string) => void): 0 | 1 {
  const failed = results.filter((result) => !passed(result));
  const totals = sumOf(results.map((result) => result.totals));
  if (failedSteps.length > 0) write(`Failed before any test: ${failedSteps.join(", ")}`);
  if (flaky.length > 0) for (const line of ["Failed once, passed the second time:", ...flaky.map(named)]) write(line);
  if (failed.length > 0) for (const line of ["Failed:", ...failed.map(named)]) write(line);
  for (const line of summaryLines(totals, milliseconds)) write(line);
  return failedSteps.length > 0 || failed.length > 0 || totals.tests === 0 ? 1 : 0;
}

/** What became of the tests, in the words of node's own TAP summary. */
export interface Totals {
  tests: number;
  suites: number;
  passed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  todo: number;
}

export const noTotals = (): Totals => ({ tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 });

export function sumOf(all: readonly Totals[]): Totals {
  const sum = noTotals();
  for (const totals of all) for (const key of Object.keys(sum) as (keyof Totals)[]) sum[key] += totals[key];
  return sum;
}

/** The closing lines. */
export function summaryLines(totals: Totals, milliseconds: number): string[] {
  return [
    `# tests ${totals.tests}`,
    `# suites ${totals.suites}`,
    `# pass ${totals.passed}`,
    `# fail ${totals.failed}`,
    `# cancelled ${totals.cancelled}`,
    `# skipped ${totals.skipped}`,
    `# todo ${totals.todo}`,
    `# duration_ms ${Math.round(milliseconds)}`,
  ];
}

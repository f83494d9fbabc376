import { relative } from "node:path";
import { run } from "node:test";

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

export interface TestBatch {
  root: string;
  files: readonly string[];
  /** Files at a time. */
  concurrency: number;
  /** For one file, in milliseconds. */
  timeout: number;
  write(line: string): void;
}

interface Failure {
  name: string;
  file: string;
  line: number;
  error: Error;
}

const indent = (text: string) => text.replace(/^/gm, "    ");

/** What went wrong, as far down the causes as it says something. */
function explain(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : undefined;
  return (cause ?? error).stack ?? String(cause ?? error);
}

/** Runs test files, each in a process of its own; one line a file as it ends, failures in full. Adds to `totals`. */
export async function runTests(batch: TestBatch, totals: Totals): Promise<void> {
  if (batch.files.length === 0) return;
  const failures = new Map<string, Failure[]>();
  const messages = new Map<string, string>();
  const stream = run({
    files: batch.files.map((file) => `${batch.root}/${file}`),
    cwd: batch.root,
    concurrency: batch.concurrency,
    timeout: batch.timeout,
  });
  for await (const event of stream) {
    if (event.type === "test:fail") {
      const { file = "?", name, details, line = 0 } = event.data;
      const cause = details.error.cause;
      // A parent fails because of its children, which have been told already.
      if (
        details.error.failureType === "subtestsFailed" ||
        (cause as { failureType?: string } | undefined)?.failureType === "subtestsFailed"
      )
        continue;
      const list = failures.get(file) ?? [];
      list.push({ name, file, line, error: details.error });
      failures.set(file, list);
    } else if (event.type === "test:stderr") {
      messages.set(event.data.file, (messages.get(event.data.file) ?? "") + event.data.message);
    } else if (event.type === "test:summary") {
      const { file, counts, duration_ms: duration, success } = event.data;
      if (file === undefined) {
        for (const key of Object.keys(totals) as (keyof Totals)[]) totals[key] += counts[key];
        continue;
      }
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
      const outcome = success ? "ok  " : "FAIL";
      batch.write(
        `${outcome} ${relative(batch.root, file)}  ${counts.passed} of ${counts.tests}${skipped}  ${(duration / 1000).toFixed(1)} s`,
      );
      report(file);
    }
  }
  // A file that could not be loaded has no summary of its own.
  for (const file of [...failures.keys()]) {
    batch.write(`FAIL ${relative(batch.root, file)}`);
    report(file);
  }

  function report(file: string) {
    for (const failure of failures.get(file) ?? []) {
      batch.write(`  not ok: ${failure.name}  (${relative(batch.root, failure.file)}:${failure.line})`);
      batch.write(indent(explain(failure.error)));
    }
    const text = messages.get(file);
    if (failures.has(file) && text) batch.write(indent(`stderr: ${text.slice(-4000)}`));
    failures.delete(file);
  }
}

/** The closing lines, in the words of node's own TAP summary. */
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

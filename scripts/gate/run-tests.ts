import { relative } from "node:path";
import { run } from "node:test";
import { noTotals, type Totals } from "./totals.ts";

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

export interface FileResult {
  /** Relative to the batch's root. */
  readonly file: string;
  readonly totals: Totals;
  /** Names of the tests that failed, in the order in which they did. */
  readonly failed: readonly string[];
}

const indent = (text: string) => text.replace(/^/gm, "    ");

/** What went wrong, as far down the causes as it says something. */
function explain(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : undefined;
  return (cause ?? error).stack ?? String(cause ?? error);
}

/** A parent fails because of its children, which have been told already. */
function isOfChildren(error: Error & { failureType?: string }): boolean {
  const cause = error.cause as { failureType?: string } | undefined;
  return error.failureType === "subtestsFailed" || cause?.failureType === "subtestsFailed";
}

/** Runs test files, each in a process of its own; one line a file as it ends, failures in full. @returns what became of each, in that order */
export async function runTests({ root, files, concurrency, timeout, write }: TestBatch): Promise<FileResult[]> {
  if (files.length === 0) return [];
  const paths = files.map((file) => `${root}/${file}`);
  const failures = new Map<string, Failure[]>();
  const messages = new Map<string, string>();
  const results: FileResult[] = [];
  const stream = run({ files: paths, cwd: root, concurrency, timeout });
  for await (const event of stream) {
    if (event.type === "test:fail") {
      const { file = "?", name, details, line = 0, todo } = event.data;
      if (todo !== undefined || isOfChildren(details.error)) continue;
      // A test of a file that another imports is that one's: run one at a time, it is the next to end.
      const runs = paths.includes(file) ? file : "imported";
      failures.set(runs, [...(failures.get(runs) ?? []), { name, file, line, error: details.error }]);
    } else if (event.type === "test:stderr") {
      messages.set(event.data.file, (messages.get(event.data.file) ?? "") + event.data.message);
    } else if (event.type === "test:summary" && event.data.file !== undefined) {
      const { file, counts, duration_ms: duration, success } = event.data;
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
      const outcome = success ? "ok  " : "FAIL";
      write(`${outcome} ${relative(root, file)}  ${counts.passed} of ${counts.tests}${skipped}  ${(duration / 1000).toFixed(1)} s`);
      close(file, { ...noTotals(), ...counts });
    }
  }
  // A file that could not be loaded has no summary of its own.
  for (const file of [...failures.keys()]) {
    write(`FAIL ${relative(root, file)}`);
    close(file, { ...noTotals(), tests: 1, failed: 1 });
  }
  return results;

  function close(file: string, totals: Totals) {
    const told = [...(failures.get(file) ?? []), ...(failures.get("imported") ?? [])];
    for (const failure of told) {
      write(`  not ok: ${failure.name}  (${relative(root, failure.file)}:${failure.line})`);
      write(indent(explain(failure.error)));
    }
    const text = messages.get(file);
    if (told.length > 0 && text) write(indent(`stderr: ${text.slice(-4000)}`));
    for (const key of [file, "imported"]) failures.delete(key);
    results.push({ file: relative(root, file), totals, failed: told.map(({ name }) => name) });
  }
}

/** Whether a file's tests all did what they are to do. */
export const passed = ({ totals }: FileResult): boolean => totals.failed === 0 && totals.cancelled === 0;

/**
 * `npm test`: everything `check` proves, then the live tests and the VM tests.
 *   scripts/test.ts [--only fast|live|vm]… [path part]…
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { findTests, type TestClass } from "./gate/find-tests.ts";
import { report } from "./gate/report.ts";
import { type FileResult, passed, runTests } from "./gate/run-tests.ts";
import { runStaticSteps } from "./gate/steps.ts";
import { requireRoot } from "./require-root.ts";

const { values, positionals } = parseArgs({ options: { only: { type: "string", multiple: true } }, allowPositionals: true });
const root = dirname(import.meta.dirname);
const started = performance.now();
const chosen = values.only !== undefined || positionals.length > 0;

interface ClassOfTests {
  readonly name: TestClass;
  readonly concurrency: number;
  /** For one file. */
  readonly minutes: number;
}

/** Two cores share this work: pure tests overlap, daemons and machines do not. */
const classes: readonly ClassOfTests[] = [
  { name: "fast", concurrency: 2, minutes: 2 },
  { name: "live", concurrency: 1, minutes: 10 },
  { name: "vm", concurrency: 1, minutes: 40 },
];

requireRoot("Cannot run the live tests (`npm run check` runs the others): they make network namespaces and containers");

const failedSteps = chosen ? [] : runStaticSteps(root, console.log);
const results: FileResult[] = [];
const flaky: FileResult[] = [];
for (const { name, concurrency, minutes } of classes) {
  if (values.only && !values.only.includes(name)) continue;
  const files = findTests(root, name).filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)));
  if (files.length === 0) continue;
  // One process for all of them: the machines boot once.
  if (name === "vm" && positionals.length === 0) files.splice(0, files.length, "test/vm/suite.ts");
  console.log(`---- ${name}: ${files.length} ${files.length === 1 ? "file" : "files"}`);
  const batch = { root, concurrency, timeout: minutes * 60_000, write: console.log };
  const first = await runTests({ ...batch, files });
  // docs/decisions/074-a-second-try.md
  const failed = first.filter((result) => !passed(result));
  if (failed.length > 0) console.log(`---- ${name}, what failed once more: ${failed.length} ${failed.length === 1 ? "file" : "files"}`);
  const second = await runTests({ ...batch, files: failed.map(({ file }) => file) });
  results.push(...first.filter((result) => !failed.includes(result)), ...second);
  flaky.push(...failed.filter(({ file }) => second.some((result) => result.file === file && passed(result))));
}

process.exitCode = report({ failedSteps, results, flaky, milliseconds: performance.now() - started }, console.log);

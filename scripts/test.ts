/**
 * `npm test`: everything `check` proves, then the live tests and the VM tests.
 *   scripts/test.ts [--only fast|live|vm]… [path part]…
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { findTests, type TestClass } from "./gate/find-tests.ts";
import { noTotals, runTests, summaryLines } from "./gate/run-tests.ts";
import { runStaticSteps } from "./gate/steps.ts";

const { values, positionals } = parseArgs({ options: { only: { type: "string", multiple: true } }, allowPositionals: true });
const root = dirname(import.meta.dirname);
const started = performance.now();
const chosen = values.only !== undefined || positionals.length > 0;

/** Two cores share this work: pure tests overlap, daemons and machines do not. */
const classes: readonly { name: TestClass; concurrency: number; minutes: number }[] = [
  { name: "fast", concurrency: 2, minutes: 2 },
  { name: "live", concurrency: 1, minutes: 5 },
  { name: "vm", concurrency: 1, minutes: 40 },
];

if (process.getuid?.() !== 0) {
  console.error(
    "Cannot run the live tests: they make network namespaces and containers, which needs root. `npm run check` runs the others.",
  );
  process.exit(1);
}

const failedSteps = chosen ? [] : runStaticSteps(root, console.log);
const totals = noTotals();
for (const { name, concurrency, minutes } of classes) {
  if (values.only && !values.only.includes(name)) continue;
  const files = findTests(root, name).filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)));
  if (files.length === 0) continue;
  // One process for all of them: the machines boot once.
  if (name === "vm" && positionals.length === 0) files.splice(0, files.length, "test/vm/suite.ts");
  console.log(`---- ${name}: ${files.length} ${files.length === 1 ? "file" : "files"}`);
  await runTests({ root, files, concurrency, timeout: minutes * 60_000, write: console.log }, totals);
}

if (failedSteps.length > 0) console.log(`Failed before any test: ${failedSteps.join(", ")}`);
for (const line of summaryLines(totals, performance.now() - started)) console.log(line);
process.exitCode = failedSteps.length > 0 || totals.failed > 0 || totals.cancelled > 0 || totals.tests === 0 ? 1 : 0;

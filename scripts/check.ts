/** `npm run check`: format, lint, types, rooms, docs and the fast tests. */
import { dirname } from "node:path";
import { findTests } from "./gate/find-tests.ts";
import { noTotals, runTests, summaryLines } from "./gate/run-tests.ts";
import { runStaticSteps } from "./gate/steps.ts";

const root = dirname(import.meta.dirname);
const started = performance.now();
const failedSteps = runStaticSteps(root, console.log);

const totals = noTotals();
await runTests({ root, files: findTests(root, "fast"), concurrency: 2, timeout: 120_000, write: console.log }, totals);

if (failedSteps.length > 0) console.log(`Failed before any test: ${failedSteps.join(", ")}`);
for (const line of summaryLines(totals, performance.now() - started)) console.log(line);
process.exitCode = failedSteps.length > 0 || totals.failed > 0 || totals.cancelled > 0 ? 1 : 0;

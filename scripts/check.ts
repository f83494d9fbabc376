/** `npm run check`: format, lint, types, rooms, docs and the fast tests. */
import { dirname } from "node:path";
import { findTests } from "./gate/find-tests.ts";
import { report } from "./gate/report.ts";
import { runTests } from "./gate/run-tests.ts";
import { runStaticSteps } from "./gate/steps.ts";

const root = dirname(import.meta.dirname);
const started = performance.now();
const failedSteps = runStaticSteps(root, console.log);

const results = await runTests({ root, files: findTests(root, "fast"), concurrency: 2, timeout: 120_000, write: console.log });
process.exitCode = report({ failedSteps, results, milliseconds: performance.now() - started }, console.log);

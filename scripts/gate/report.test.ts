import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { report } from "./report.ts";
import { type FileResult, passed } from "./run-tests.ts";
import { noTotals } from "./totals.ts";

const result = (file: string, ...failed: string[]): FileResult => ({
  file,
  totals: { ...noTotals(), tests: 2, passed: 2 - failed.length, failed: failed.length },
  failed,
});

test("`report()` fails for a step, a test or nothing at all, and names what failed", () => {
  const lines: string[] = [];
  const status = (failedSteps: string[], ...results: FileResult[]) =>
    report({ failedSteps, results, milliseconds: 1 }, (line) => lines.push(line));
  assert.equal(status([], result("a")), 0);
  assert.equal(status(["types"], result("a")), 1);
  assert.equal(status([]), 1);
  lines.length = 0;
  assert.equal(status([], result("a"), result("b", "`f()` works", "`g()` works")), 1);
  assert.deepEqual(lines.slice(0, 4), ["Failed:", "  b: `f()` works; `g()` works", "# tests 4", "# suites 0"]);
});

test("`report()` passes when a file did the second time, and says so", () => {
  const lines: string[] = [];
  const outcome = { failedSteps: [], results: [result("a")], flaky: [result("a", "late")], milliseconds: 1 };
  assert.equal(
    report(outcome, (line) => lines.push(line)),
    0,
  );
  assert.deepEqual(lines.slice(0, 2), ["Failed once, passed the second time:", "  a: late"]);
});

test("`runTests()` tells failures, what could not be loaded, and what is to be done yet", async () => {
  const root = mkdtempSync(`${tmpdir()}/fairway-gate-`);
  try {
    const head = 'import { test } from "node:test";\n';
    const files = {
      "good.ts": 'test("is", () => {});',
      "bad.ts": 'test("is not", () => { throw new Error("why"); });',
      "broken.ts": "oops(",
      "suite.ts": 'await import("./part.ts");',
      "todo.ts": 'test("will", { todo: true }, () => { throw new Error("later"); });',
    };
    writeFileSync(`${root}/part.ts`, `${head}test("part", () => { throw new Error("of it"); });\n`);
    for (const [name, text] of Object.entries(files)) writeFileSync(`${root}/${name}`, `${head}${text}\n`);
    // A test runner inside a test runs nothing: this one gets a process of its own.
    writeFileSync(
      `${root}/run.ts`,
      `import { runTests } from ${JSON.stringify(`${import.meta.dirname}/run-tests.ts`)};
      const lines: string[] = [];
      const batch = { root: import.meta.dirname, files: ${JSON.stringify(Object.keys(files))}, concurrency: 1, timeout: 60_000 };
      const results = await runTests({ ...batch, write: (line) => lines.push(line) });
      console.log(JSON.stringify({ lines, results }));`,
    );
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const output = execFileSync(process.execPath, [`${root}/run.ts`], { encoding: "utf8", env });
    const { lines, results } = JSON.parse(output) as { lines: string[]; results: FileResult[] };
    assert.deepEqual(results.map((each) => [each.file, passed(each), each.failed]).sort(), [
      ["bad.ts", false, ["is not"]],
      ["broken.ts", false, [`${root}/broken.ts`]],
      ["good.ts", true, []],
      ["suite.ts", false, ["part"]],
      ["todo.ts", true, []],
    ]);
    assert.match(lines.join("\n"), /not ok: is not {2}\(bad\.ts:2\)\n {4}Error: why/);
    assert.doesNotMatch(lines.join("\n"), /later/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

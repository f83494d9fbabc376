import assert from "node:assert/strict";
import { test } from "node:test";
import { median, quantile } from "./measure.ts";
import { renderTable, reportRows } from "./report.ts";
import type { Scenario } from "./scenario.ts";

const scenario: Scenario = {
  name: "s",
  rows: {
    create: { unit: "ms", goal: { kind: "fasterThanDockerd", value: 10 } },
    memory: { unit: "MB", goal: { kind: "atMost", value: 120 } },
    other: { unit: "ms" },
  },
  run: () => Promise.resolve({}),
};

test("`quantile()` gives a sample that was taken when ranks fall between", () => {
  assert.equal(median([3, 1, 2, 10]), 2);
  assert.equal(quantile([1, 2, 3, 4], 0.99), 4);
  assert.throws(() => quantile([], 0.5));
});

test("`reportRows()` judges goals by the ratio or by the figure when they are there", () => {
  const rows = reportRows(
    scenario,
    new Map([
      ["fairway", { create: 2, memory: 121, other: 1 }],
      ["dockerd", { create: 30, memory: 100 }],
    ] as const),
  );
  assert.deepEqual(
    rows.map(({ row, ratio, met }) => [row, ratio, met]),
    [
      ["create", 15, true],
      ["memory", 100 / 121, false],
      ["other", undefined, undefined],
    ],
  );
  assert.match(renderTable(rows), /^memory +121 +100 +MB +0\.8x +at most 120 MB +MISSED$/m);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { median, quantile } from "./measure.ts";
import type { Part } from "./part.ts";
import { renderTable, reportRows } from "./report.ts";

const part: Part = {
  name: "s",
  rows: {
    create: { unit: "ms", goal: { timesDockerd: 10 } },
    queries: { unit: "q/s", more: true, goal: { timesDockerd: 2 } },
    memory: { unit: "MB", goal: { atMost: 120 } },
    other: { unit: "ms" },
    never: { unit: "ms", goal: { atMost: 1 } },
  },
  run: () => Promise.resolve(),
};

test("`quantile()` gives a sample that was taken when ranks fall between", () => {
  assert.equal(median([3, 1, 2, 10]), 2);
  assert.equal(quantile([1, 2, 3, 4], 0.99), 4);
  assert.throws(() => quantile([], 0.5));
});

test("`reportRows()` judges goals by the ratio or by the figure when they are there", () => {
  const rows = reportRows(
    part,
    new Map([
      [
        "create",
        new Map([
          ["fairway", [2, 1, 3]],
          ["dockerd", [30]],
        ]),
      ],
      [
        "queries",
        new Map([
          ["fairway", [100]],
          ["dockerd", [80]],
        ]),
      ],
      [
        "memory",
        new Map([
          ["fairway", [121]],
          ["dockerd", [100]],
        ]),
      ],
      ["other", new Map([["fairway", [1]]])],
    ] as const),
  );
  assert.deepEqual(
    rows.map(({ row, ratio, met }) => [row, ratio, met]),
    [
      ["create", 15, true],
      ["queries", 1.25, false],
      ["memory", 100 / 121, false],
      ["other", undefined, undefined],
    ],
  );
  assert.match(renderTable(rows), /^memory +121 +100 +MB +0\.83x +at most 120 MB +MISSED$/m);
  assert.match(renderTable(rows, true), /^\| queries +\| 100 +\| +\| 80\.0 +\| q\/s +\| 1\.25x +\| 2x +\| MISSED \|$/m);
});

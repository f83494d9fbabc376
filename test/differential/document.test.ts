import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DIFFERENCES } from "./differences.ts";
import { DOCUMENT_PATH, renderDocument } from "./document.ts";
import { compare, normalise } from "./normalise.ts";
import { Random } from "./random.ts";
import { sequence } from "./sequence.ts";

test("docs/differences.md says what the tables say", () => {
  const hint = "run node_modules/.bin/node test/differential/write-document.ts";
  assert.equal(readFileSync(DOCUMENT_PATH, "utf8"), renderDocument(), hint);
});

test("`DIFFERENCES` has each place once, and a reason for it", () => {
  const places = DIFFERENCES.map(({ where }) => where);
  assert.deepEqual(places, [...new Set(places)]);
  for (const { where, reason, ours, theirs } of DIFFERENCES) assert.ok(reason.length > 10 && ours !== theirs, where);
});

test("`sequence()` gives the same operations when the seed is the same", () => {
  assert.deepEqual(sequence(7), sequence(7));
  assert.notDeepEqual(sequence(7), sequence(8));
  for (let seed = 1; seed <= 200; seed++) assert.ok(sequence(seed).length >= 16, `seed ${seed}`);
});

test("`Random.weighted()` chooses as often as weights say", () => {
  const random = new Random(1);
  const counts = { often: 0, seldom: 0, never: 0 };
  for (let index = 0; index < 4000; index++) counts[random.weighted({ often: 3, seldom: 1, never: 0 })]++;
  assert.equal(counts.never, 0);
  assert.ok(Math.abs(counts.often - 3000) < 150, String(counts.often));
});

test("`normalise()` replaces ids and times and nothing else", () => {
  const id = "ab".repeat(32);
  const given = {
    Id: id,
    Short: id.slice(0, 12),
    Other: "cd".repeat(32),
    StartedAt: "2026-01-02T03:04:05.678Z",
    FinishedAt: "0001-01-01T00:00:00Z",
    Pid: 7,
    ExitCode: 7,
  };
  assert.deepEqual(normalise(given, new Map([["C0", id]])), {
    Id: "<C0>",
    Short: "<C0:12>",
    Other: "<id>",
    StartedAt: "<time>",
    FinishedAt: "0001-01-01T00:00:00Z",
    Pid: "<Pid>",
    ExitCode: 7,
  });
});

test("`compare()` names each place where two values differ", () => {
  assert.deepEqual(compare({ a: 1, b: [{ c: 1 }], same: null }, { a: 2, b: [{ c: 1, d: 3 }], same: null }), [
    { path: "a", ours: 1, theirs: 2 },
    { path: "b[0].d", ours: undefined, theirs: 3 },
  ]);
  assert.deepEqual(compare([1], [1, 2]), [{ path: "", ours: [1], theirs: [1, 2] }]);
});

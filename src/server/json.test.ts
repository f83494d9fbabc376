import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJson, goTime, parseTimestamp, sortedRecord } from "./json.ts";

test("`encodeJson()` writes 64-bit integers in full", () => {
  assert.equal(encodeJson({ timeNano: 1795246945123456789n, list: [1n, -1n] }), '{"timeNano":1795246945123456789,"list":[1,-1]}\n');
});

test("`goTime()` writes RFC3339Nano without trailing zeros", () => {
  assert.equal(goTime(1795246171007728388n), "2026-11-21T07:29:31.007728388Z");
  assert.equal(goTime(1795246170997488230n), "2026-11-21T07:29:30.99748823Z");
  assert.equal(goTime(1795246170000000000n), "2026-11-21T07:29:30Z");
  assert.equal(goTime(-1n), "1969-12-31T23:59:59.999999999Z");
});

test("`parseTimestamp()` keeps nanoseconds", () => {
  assert.equal(parseTimestamp("1795246171.007728388"), 1795246171007728388n);
  assert.equal(parseTimestamp("12"), 12_000_000_000n);
  assert.equal(parseTimestamp("1.5"), 1_500_000_000n);
});

test("`sortedRecord()` sorts by code unit, as Go sorts map keys", () => {
  assert.deepEqual(Object.keys(sortedRecord({ b: 1, B: 2, a: 3, "a.b": 4 })), ["B", "a", "a.b", "b"]);
});

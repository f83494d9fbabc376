import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJson, parseTimestamp, sortedRecord } from "./json.ts";

test("`encodeJson()` writes 64-bit integers in full", () => {
  assert.equal(encodeJson({ timeNano: 1795246945123456789n, list: [1n, -1n] }), '{"timeNano":1795246945123456789,"list":[1,-1]}\n');
});

test("`parseTimestamp()` keeps nanoseconds", () => {
  assert.equal(parseTimestamp("1795246171.007728388"), 1795246171007728388n);
  assert.equal(parseTimestamp("12"), 12_000_000_000n);
  assert.equal(parseTimestamp("1.5"), 1_500_000_000n);
});

test("`sortedRecord()` sorts by code unit, as Go sorts map keys", () => {
  assert.deepEqual(Object.keys(sortedRecord({ b: 1, B: 2, a: 3, "a.b": 4 })), ["B", "a", "a.b", "b"]);
});

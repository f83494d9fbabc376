import assert from "node:assert/strict";
import { test } from "node:test";
import { shutdownLimit } from "./shutdown.ts";

test("`shutdownLimit()` is the daemon's timeout, or the longest container's and 5 s", () => {
  assert.equal(shutdownLimit(15, []), 15_000);
  assert.equal(shutdownLimit(15, [10, 3]), 15_000);
  assert.equal(shutdownLimit(15, [10, 60]), 65_000);
  assert.equal(shutdownLimit(0, [0]), 5_000);
});

test("`shutdownLimit()` is none when the daemon or a container may take for ever", () => {
  assert.equal(shutdownLimit(-1, [10]), Number.POSITIVE_INFINITY);
  assert.equal(shutdownLimit(15, [10, -1]), Number.POSITIVE_INFINITY);
});

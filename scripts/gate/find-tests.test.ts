import assert from "node:assert/strict";
import { test } from "node:test";
import { classOf } from "./find-tests.ts";

test("`classOf()` tells fast, live and VM tests apart when given their paths", () => {
  assert.equal(classOf("src/ipam/pool.test.ts"), "fast");
  assert.equal(classOf("src/engine/restart.live.test.ts"), "live");
  assert.equal(classOf("test/experiments/e01.test.ts"), "live");
  assert.equal(classOf("test/experiments/ip-output.test.ts"), "fast");
  assert.equal(classOf("test/vm/smoke.test.ts"), "vm");
  assert.equal(classOf("test/vm/switch.live.test.ts"), "vm");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBytes } from "./kinds.ts";

test("`parseBytes()` reads sizes as docker/go-units does", () => {
  assert.equal(parseBytes("64M"), 64 << 20);
  assert.equal(parseBytes("1GiB"), 1 << 30);
  assert.equal(parseBytes("1.5k"), 1536);
  assert.equal(parseBytes("12"), 12);
  assert.equal(parseBytes("3 KB"), 3072);
  for (const bad of ["", "x", "-1", "1x", "1 0"]) assert.throws(() => parseBytes(bad), /invalid size/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { memberName } from "./member-name.ts";

test("`memberName()` gives the path below the root", () => {
  for (const [name, path] of [
    ["./a//b/", "a/b"],
    ["/etc/passwd", "etc/passwd"],
    ["a/../b", "b"],
    ["./", "."],
  ] as const)
    assert.equal(memberName(name), path);
});

test("`memberName()` refuses what leaves the root, and what no kernel takes for a path", () => {
  for (const name of ["..", "a/../../b", "/../x"]) assert.throws(() => memberName(name), /outside of the root/);
  assert.throws(() => memberName("a\0b"), /invalid tar header/);
  // Names stay in memory until the layer is unpacked: a small archive must not hold a million of a megabyte each.
  assert.throws(() => memberName(`${"a/".repeat(2048)}b`), /file name too long/);
});

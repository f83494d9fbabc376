import assert from "node:assert/strict";
import { test } from "node:test";
import { loadLibrary } from "./mod.ts";

test("`loadLibrary()` binds functions by their C declaration", () => {
  const cos = loadLibrary("libm.so.6").bind<(x: number) => number>("double cos(double x)");
  assert.equal(cos(0), 1);
  assert.throws(() => loadLibrary("libm.so.6").bind("int no_such_function()"));
  assert.throws(() => loadLibrary("libnothing.so.9"));
});

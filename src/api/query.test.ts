import assert from "node:assert/strict";
import { test } from "node:test";
import * as query from "./query.ts";

test("`filters` reads both forms that clients send", () => {
  assert.deepEqual(query.filters.decode(['{"label":["a","b=c"]}'], "filters"), { label: ["a", "b=c"] });
  assert.deepEqual(query.filters.decode(['{"label":{"a":true,"b":false}}'], "filters"), { label: ["a"] });
  assert.deepEqual(query.filters.decode(undefined, "filters"), {});
  for (const bad of ["zzz", "[1]", '{"a":1}', '{"a":[1]}', "null"])
    assert.throws(() => query.filters.decode([bad], "filters"), { category: "invalidParameter" }, bad);
});

test("`bool` is false for Docker's words for it and true for everything else", () => {
  for (const text of ["", "0", "no", "False", "none"]) assert.equal(query.bool.decode([text], "x"), false, text);
  for (const text of ["1", "true", "yes", "2"]) assert.equal(query.bool.decode([text], "x"), true, text);
  assert.equal(query.bool.decode(undefined, "x"), false);
  assert.equal(query.boolDefaultTrue.decode(undefined, "x"), true);
});

test("`strictBool` and `int` refuse in Go's words", () => {
  assert.throws(() => query.strictBool.decode(["zz"], "verbose"), {
    message: 'invalid value for verbose: zz: strconv.ParseBool: parsing "zz": invalid syntax',
  });
  assert.throws(() => query.int.decode(["zz"], "t"), { message: 'strconv.Atoi: parsing "zz": invalid syntax' });
  assert.equal(query.int.decode(["-1"], "t"), -1);
});

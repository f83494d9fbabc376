import assert from "node:assert/strict";
import { test } from "node:test";
import { networkCreateBody } from "./endpoints/networks.ts";
import { array, bool, decodeJson, int, map, string, stringOrList, struct } from "./schema.ts";

const body = struct("pkg.Request", {
  Name: string,
  Count: int,
  On: bool,
  Cmd: stringOrList,
  Inner: struct("Inner", { List: array(struct("Item", { Subnet: string })) }),
  Map: map(struct("Value", { A: string })),
});
const refuses = (text: string, message: string) => assert.throws(() => decodeJson(body, text), { message });

test("`decodeJson()` reads fields in any case, drops unknown ones and null", () => {
  assert.deepEqual(decodeJson(body, '{"name":"a","COUNT":3,"other":1,"On":null,"__proto__":{"x":1}}'), { Name: "a", Count: 3 });
  assert.deepEqual(decodeJson(body, "null"), {});
  assert.deepEqual(decodeJson(body, '{"Cmd":"sh"}'), { Cmd: ["sh"] });
  assert.deepEqual(decodeJson(body, '{"Map":{"n":null,"m":{"a":"x"}}}'), { Map: { n: null, m: { A: "x" } } });
});

test("`decodeJson()` names struct, field and type when a type is wrong", () => {
  refuses('{"Name":1}', "invalid JSON: json: cannot unmarshal number into Go struct field Request.Name of type string");
  refuses('{"On":"yes"}', "invalid JSON: json: cannot unmarshal string into Go struct field Request.On of type bool");
  refuses('{"Count":1.5}', "invalid JSON: json: cannot unmarshal number 1.5 into Go struct field Request.Count of type int64");
  refuses('{"Count":1e30}', "invalid JSON: json: cannot unmarshal number 1e+30 into Go struct field Request.Count of type int64");
  refuses(
    '{"Inner":{"List":[{"Subnet":3}]}}',
    "invalid JSON: json: cannot unmarshal number into Go struct field Item.Inner.List.Subnet of type string",
  );
  refuses("[]", "invalid JSON: json: cannot unmarshal array into Go value of type pkg.Request");
});

test("`decodeJson()` words syntax errors as Go does", () => {
  refuses("", "invalid JSON: got EOF while reading request body");
  refuses("zzz", "invalid JSON: invalid character 'z' looking for beginning of value");
  refuses('{"Name":"x"', "invalid JSON: unexpected EOF");
  refuses('{"Name":"x"} zzz', "unexpected content after JSON");
  const at = (text: string, character: string, where: string) => refuses(text, `invalid JSON: invalid character ${character} ${where}`);
  at("{1:2}", "'1'", "looking for beginning of object key string");
  at('{"a" 1}', "'1'", "after object key");
  at('{"a":1 "b"}', `'"'`, "after object key:value pair");
  at("[1 2]", "'2'", "after array element");
  at("[1,]", "']'", "looking for beginning of value");
  at("trux", "'x'", "in literal true (expecting 'e')");
  at('"\\q"', "'q'", "in string escape code");
  at("{'a':1}", "'\\''", "looking for beginning of object key string");
  at("-x", "'x'", "in numeric literal");
});

test("`decodeJson()` survives hostile texts with a client error", () => {
  const texts = [
    "[".repeat(100_000),
    `{"Name":"${"\\u0000".repeat(1000)}"}`,
    '{"Labels":{"__proto__":"x"}}',
    '{"IPAM":{"Config":[null]}}',
    "{".repeat(10_000),
  ];
  for (const text of texts) {
    try {
      decodeJson(networkCreateBody, text);
    } catch (error) {
      assert.equal((error as { category?: string }).category, "invalidParameter", text.slice(0, 40));
    }
  }
  const decoded = decodeJson(networkCreateBody, '{"Labels":{"__proto__":"x"}}');
  assert.equal(Object.getPrototypeOf(decoded.Labels), Object.prototype);
});

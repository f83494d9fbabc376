import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeName, isWithin, keyToText, nameKey, writeKey } from "./name.ts";

test("nameKey() folds ASCII case and keeps labels apart", () => {
  assert.equal(nameKey("Web.Blue"), "\x03web\x04blue");
  assert.equal(nameKey("web.blue."), "\x03web\x04blue");
  assert.notEqual(nameKey("a.b"), nameKey("ab"));
});

test("nameKey() is undefined for what DNS cannot carry", () => {
  for (const name of ["", ".", "a..b", ".a", "a".repeat(64), `${"a".repeat(63)}.`.repeat(4), "é".repeat(32)])
    assert.equal(nameKey(name), undefined, name);
  assert.ok(nameKey("a".repeat(63)));
  assert.ok(nameKey("é".repeat(31)));
});

test("nameKey() folds ASCII letters only: octets of UTF-8 stay", () => {
  const key = nameKey("CAFÉ")!;
  assert.deepEqual(Buffer.from(key, "latin1"), Buffer.from([5, ...Buffer.from("cafÉ")]));
});

test("keyToText() escapes dots in labels and octets outside ASCII", () => {
  assert.equal(keyToText("\x03a.b\x01\xff"), "a\\046b.\\255");
  assert.equal(keyToText(""), ".");
});

test("decodeName() and writeKey() are inverse for random names", () => {
  for (let round = 0; round < 2000; round++) {
    const labels = Array.from({ length: Math.floor(Math.random() * 6) }, () => "x".repeat(1 + Math.floor(Math.random() * 40)));
    const key = nameKey(labels.join(".")) ?? "";
    const wire = Buffer.alloc(300);
    const end = writeKey(key, wire, 7);
    assert.deepEqual(decodeName(wire, 7, end), { key, next: end });
    if (end > 8) assert.equal(decodeName(wire, 7, end - 1), undefined);
  }
});

test("decodeName() follows pointers backwards only", () => {
  const message = Buffer.from("0377656200 04626c7565c000 c005 c00e c010".replaceAll(" ", ""), "hex");
  assert.deepEqual(decodeName(message, 5, 20), { key: "\x04blue\x03web", next: 12 });
  assert.deepEqual(decodeName(message, 12, 20), { key: "\x04blue\x03web", next: 14 });
  assert.equal(decodeName(message, 14, 20), undefined, "to itself");
  assert.equal(decodeName(message, 14, 15), undefined, "half a pointer");
});

test("decodeName() ends on pointers that lead round", () => {
  const loop = Buffer.from("0161c004 0162c000".replaceAll(" ", ""), "hex");
  assert.equal(decodeName(loop, 0, 8), undefined);
  assert.equal(decodeName(loop, 4, 8), undefined);
});

test("decodeName() stops a chain of pointers at 255 octets", () => {
  const parts: Buffer[] = [];
  for (let part = 0; part < 10; part++)
    parts.push(
      Buffer.from([50, ...Buffer.alloc(50, 97), ...(part === 0 ? [0, 0] : [0xc0 | (((part - 1) * 53) >> 8), ((part - 1) * 53) & 255])]),
    );
  const message = Buffer.concat(parts);
  assert.ok(decodeName(message, 3 * 53, message.length));
  assert.equal(decodeName(message, 9 * 53, message.length), undefined);
});

test("isWithin() goes by label borders", () => {
  assert.ok(isWithin("\x01a\x08internal", "\x08internal"));
  assert.ok(isWithin("\x08internal", "\x08internal"));
  assert.ok(!isWithin("\x0cxxx\x08internal", "\x08internal"));
});

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { AttributeReader, PayloadWriter, readAttributes, ShortReadError } from "./mod.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("`PayloadWriter` pads attributes to four bytes and counts only the data in their length", () => {
  const writer = new PayloadWriter(1).attrU8(1, 7).attrString(3, "br0").attrU16be(4, 0x0102).flag(5);
  assert.equal(hex(writer.finish()), "0500010007000000" + "080003006272" + "3000" + "0600040001020000" + "04000500");
});

test("`PayloadWriter.nested()` sets NLA_F_NESTED and the length of all inside", () => {
  const writer = new PayloadWriter().nested(2, (inner) => inner.attrU32(1, 9).nest(3, (deep) => deep.attrU8(1, 1)));
  assert.equal(hex(writer.finish()), "18000280" + "0800010009000000" + "0c000300" + "0500010001000000");
});

test("`PayloadWriter` measures strings in encoded bytes", () => {
  const [name] = readAttributes(new PayloadWriter().attrString(3, "é€").finish());
  assert.equal(name!.bytes.length, 6);
});

test("`PayloadWriter` refuses an attribute longer than its length field", () => {
  assert.throws(() => new PayloadWriter().attrBytes(1, new Uint8Array(65532)), RangeError);
  assert.throws(
    () => new PayloadWriter().nest(1, (inner) => inner.attrBytes(1, new Uint8Array(40000)).attrBytes(2, new Uint8Array(40000))),
    RangeError,
  );
});

test("`AttributeReader` throws a ShortReadError when a value, an attribute or a header is cut", () => {
  const short = new AttributeReader(new PayloadWriter().attrU16(1, 5).finish());
  short.next();
  assert.throws(() => short.u32(), ShortReadError);
  assert.throws(() => new AttributeReader(Uint8Array.of(8, 0, 1)).next(), ShortReadError);
  assert.throws(() => new AttributeReader(Uint8Array.of(9, 0, 1, 0, 0, 0, 0, 0)).next(), ShortReadError);
  assert.throws(() => new AttributeReader(Uint8Array.of(3, 0, 1, 0)).next(), ShortReadError);
  assert.throws(() => new AttributeReader(new Uint8Array(8), 16), ShortReadError);
});

test("`readAttributes()` returns what `PayloadWriter` wrote, for random attributes", () => {
  for (let round = 0; round < 500; round++) {
    const wanted = Array.from({ length: randomInt(8) }, () => ({
      type: randomInt(1, 0x3fff),
      bytes: Uint8Array.from({ length: randomInt(40) }, () => randomInt(256)),
    }));
    const writer = new PayloadWriter().u32(1);
    for (const { type, bytes } of wanted) writer.attrBytes(type, bytes);
    assert.deepEqual(readAttributes(writer.finish(), 4), wanted);
  }
});

test("`AttributeReader` ends or throws, and never hangs, on random bytes", () => {
  for (let round = 0; round < 5000; round++) {
    const reader = new AttributeReader(
      Uint8Array.from({ length: randomInt(64) }, () => (randomInt(4) === 0 ? randomInt(256) : randomInt(12))),
    );
    try {
      for (let count = 0; reader.next(); count++) {
        assert.ok(count < 16);
        reader.string();
        reader.nested();
      }
    } catch (error) {
      assert.ok(error instanceof ShortReadError, String(error));
    }
  }
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { collect, makeTar, streamOf } from "../testing.ts";
import { decodeTarHeader, encodeTarHeader, TarType, tarHeader } from "./header.ts";
import { decodePax, encodePax } from "./pax.ts";
import { readTar } from "./reader.ts";

async function read(bytes: Uint8Array, chunk?: number) {
  const found: { name: string; type: string; linkName: string; body: string }[] = [];
  for await (const { header, body } of readTar(streamOf(bytes, chunk)))
    found.push({ name: header.name, type: header.type, linkName: header.linkName, body: (await collect(body)).toString() });
  return found;
}

/** What `tar --format=…` writes of a file whose path is 121 bytes and a symlink; to that path, where the format can. */
function systemTar(format: string): { bytes: Buffer; path: string; target: string } {
  const path = `${"d".repeat(60)}/${"f".repeat(60)}`;
  const target = format === "ustar" ? "short" : path;
  const script = `set -e; t=$(mktemp -d); trap 'rm -rf $t' EXIT; cd $t; mkdir ${"d".repeat(60)}; printf hello >${path}; ln -s ${target} link; tar --format=${format} -cf - --sort=name link ${"d".repeat(60)}`;
  return { bytes: spawnSync("sh", ["-c", script]).stdout, path, target };
}

test("`readTar()` reads what system tar writes in each format", async () => {
  for (const format of ["gnu", "pax", "ustar"]) {
    const { bytes, path, target } = systemTar(format);
    for (const chunk of [1, 511, 513, 1 << 20]) {
      const found = await read(bytes, chunk);
      assert.deepEqual(found.find((entry) => entry.name === path)?.body, "hello", format);
      assert.equal(found.find((entry) => entry.name === "link")?.linkName, target, format);
    }
  }
});

test("`readTar()` skips a body nobody reads, and reads on after the end of the archive", async () => {
  const names: string[] = [];
  let bytes = 0;
  const tar = Buffer.concat([makeTar([{ name: "a", content: "x".repeat(1000) }, { name: "b" }]), Buffer.alloc(5000, 7)]);
  async function* counted() {
    for await (const chunk of streamOf(tar, 100)) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  for await (const { header } of readTar(counted())) names.push(header.name);
  assert.deepEqual(names, ["a", "b"]);
  assert.equal(bytes, tar.length);
});

test("`readTar()` takes a stream that ends without the two zero blocks, but no stream cut anywhere else", async () => {
  const tar = makeTar([
    { name: "a", content: "hello" },
    { name: "n".repeat(200), content: "y" },
  ]);
  const whole = await read(tar);
  for (let length = 0; length < tar.length; length += 64) {
    const cut = tar.subarray(0, length);
    const outcome = await read(cut).catch((error: unknown) => error);
    if (Array.isArray(outcome)) assert.deepEqual(outcome, whole.slice(0, outcome.length), `cut at ${length}`);
    else assert.equal((outcome as { code?: string }).code, "truncated-tar", `cut at ${length}`);
  }
});

test("`readTar()` either reads or refuses with a 4xx when bytes are changed at random", async () => {
  const tar = makeTar([
    { name: "a/", mode: 0o700 },
    { name: "n".repeat(200), content: "y".repeat(600) },
    { name: "l", type: TarType.symlink, linkName: "a" },
  ]);
  for (let round = 0; round < 2000; round++) {
    const mutated = Buffer.from(tar);
    for (let change = 0; change <= round % 4; change++)
      mutated[Math.floor(Math.random() * mutated.length)] = Math.floor(Math.random() * 256);
    const outcome = await read(mutated).catch((error: { category?: string; message: string }) => error);
    if (!Array.isArray(outcome)) assert.equal(outcome.category, "invalidParameter", outcome.message);
  }
});

test("`decodeTarHeader()` gives back what `encodeTarHeader()` was given, numbers beyond octal too", () => {
  for (let round = 0; round < 500; round++) {
    const header = tarHeader({
      name: Array.from({ length: 1 + (round % 100) }, () => String.fromCharCode(1 + Math.floor(Math.random() * 255))).join(""),
      type: round % 2 === 0 ? "0" : "2",
      size: Math.floor(Math.random() * 2 ** (round % 53)),
      uid: Math.floor(Math.random() * 2 ** 32),
      mode: Math.floor(Math.random() * 0o7777),
      mtime: Math.floor((Math.random() - 0.2) * 2 ** 33),
      devMajor: round % 4096,
      linkName: "l".repeat(round % 101),
    });
    const read = decodeTarHeader(encodeTarHeader(header));
    assert.deepEqual(read, { ...header, type: header.type === "0" && header.name.endsWith("/") ? "0" : header.type });
  }
});

test("`decodePax()` gives back what `encodePax()` was given, at every length of the length", () => {
  for (let length = 0; length < 1100; length++) {
    const records = new Map([
      ["path", "p".repeat(length)],
      ["SCHILY.xattr.user.a", "\xff\n=\n"],
    ]);
    assert.deepEqual(decodePax(encodePax(records)), records);
  }
  for (const bad of ["9 a=b\n", "x a=b\n", "6 a=b", "5 ab\n", "0 a=b\n", "-1 a=b\n"])
    assert.throws(() => decodePax(Buffer.from(bad)), { code: "bad-tar" }, bad);
});

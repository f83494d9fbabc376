import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeStdFrames, encodeStdFrame, type StdStream } from "./stdcopy.ts";

async function* pieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("`encodeStdFrame()` writes stream and big-endian length", () => {
  assert.deepEqual([...encodeStdFrame("stderr", Buffer.from("hi"))], [2, 0, 0, 0, 0, 0, 0, 2, 0x68, 0x69]);
});

test("`decodeStdFrames()` finds the same frames however the bytes are cut", async () => {
  const streams: StdStream[] = ["stdout", "stderr", "stdout", "systemerr"];
  const frames = streams.map((stream, index) => ({ stream, text: "x".repeat(index * 37) }));
  const bytes = Buffer.concat(frames.map(({ stream, text }) => encodeStdFrame(stream, Buffer.from(text))));
  for (let size = 1; size <= bytes.length; size++) {
    const found = await Array.fromAsync(decodeStdFrames(pieces(bytes, size)), ({ stream, data }) => ({
      stream,
      text: Buffer.from(data).toString(),
    }));
    assert.deepEqual(found, frames);
  }
});

test("`decodeStdFrames()` throws on an unknown stream and on a short read", async () => {
  await assert.rejects(Array.fromAsync(decodeStdFrames(pieces(Buffer.from("HTTP/1.1 200"), 4))), /Unrecognized input header/);
  await assert.rejects(
    Array.fromAsync(decodeStdFrames(pieces(encodeStdFrame("stdout", Buffer.from("abc")).subarray(0, 10), 4))),
    /inside a frame/,
  );
});

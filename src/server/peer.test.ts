import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { GONE, Peer } from "./peer.ts";

test("`Peer.orGone()` settles as the promise does while the connection is open", async () => {
  const peer = new Peer(new PassThrough());
  assert.equal(await peer.orGone(Promise.resolve(1)), 1);
  await assert.rejects(peer.orGone(Promise.reject(new Error("no"))), /no/);
});

test("`Peer.orGone()` settles with GONE when the connection closes, or is closed", async () => {
  const connection = new PassThrough();
  const peer = new Peer(connection);
  const waiting = peer.orGone(new Promise(() => {}));
  connection.destroy();
  assert.equal(await waiting, GONE);
  assert.equal(await peer.orGone(new Promise(() => {})), GONE);
  assert.equal(await new Peer(connection).orGone(new Promise(() => {})), GONE);
});

test("`Peer.orGone()` keeps nothing when a stream goes on for long", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const peer = new Peer(new PassThrough());
  const pieces = async (count: number) => {
    for (let piece = 0; piece < count; piece++) await peer.orGone(Promise.resolve(piece));
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await pieces(1000);
  const after = await pieces(100_000);
  assert.ok(after - before < 8 << 20, `${(after - before) >> 20} MB kept`);
});

test("`Peer.send()` waits for room, and for nobody who is gone", async () => {
  const connection = new PassThrough({ highWaterMark: 4 });
  const peer = new Peer(connection);
  let sent = false;
  const sending = peer.send("more than", " four").then(() => (sent = true));
  await new Promise(setImmediate);
  assert.equal(sent, false);
  connection.resume();
  await sending;
  connection.pause();
  const late = peer.send("more than four");
  connection.destroy();
  await late;
});

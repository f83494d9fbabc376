import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Poller, Socket } from "./mod.ts";

const nonblocking = 0x40;
const tick = () => new Promise((resolve) => setTimeout(resolve, 20));

test("`Poller.add()` calls when something can be read, and again only for something new", async () => {
  using poller = new Poller();
  const [a, b] = Socket.pair();
  let wakes = 0;
  const got: number[] = [];
  using _ = poller.add(b, () => {
    wakes++;
    const buffer = new Uint8Array(16);
    while (b.receive(buffer, nonblocking) > 0) got.push(buffer[0]!);
  });
  await tick();
  assert.equal(wakes, 0);
  a.send(Uint8Array.of(1));
  a.send(Uint8Array.of(2));
  await tick();
  assert.deepEqual([got, wakes], [[1, 2], 1]);
  a.send(Uint8Array.of(3));
  await tick();
  assert.deepEqual([got, wakes], [[1, 2, 3], 2]);
  a.close();
  b.close();
});

test("`Poller.add()` reports again what was not read, and the end of the other side", async () => {
  using poller = new Poller();
  const [a, b] = Socket.pair();
  const buffer = new Uint8Array(16);
  let ended = false;
  const got: number[] = [];
  const watch = poller.add(b, () => {
    const length = b.receive(buffer, nonblocking);
    if (length > 0) got.push(buffer[0]!);
    else {
      ended = true;
      watch[Symbol.dispose]();
    }
  });
  for (const value of [1, 2, 3]) a.send(Uint8Array.of(value));
  a.close();
  await tick();
  assert.deepEqual([got, ended, poller.size], [[1, 2, 3], true, 0]);
  b.close();
});

test("`Watch.pause()` holds events back until `resume()`", async () => {
  using poller = new Poller();
  const [a, b] = Socket.pair();
  let wakes = 0;
  using watch = poller.add(b, () => {
    wakes++;
    b.receive(new Uint8Array(16), nonblocking);
  });
  watch.pause();
  a.send(Uint8Array.of(1));
  await tick();
  assert.equal(wakes, 0);
  watch.resume();
  await tick();
  assert.equal(wakes, 1);
  a.close();
  watch[Symbol.dispose]();
  b.close();
});

test("promises and throws in a callback reach node as from any other event", () => {
  const { status, stdout, stderr } = run(`
    process.on("uncaughtException", (error) => console.log("uncaught", error.message));
    poller.add(b, () => { b.receive(buffer, 0x40); Promise.resolve().then(() => console.log("microtask")); throw new Error("boom"); }, { keepAlive: true });
    const [c, d] = Socket.pair();
    const other = poller.add(d, () => { d.receive(buffer, 0x40); console.log("other"); });
    a.send(Uint8Array.of(1)); c.send(Uint8Array.of(1));
    setTimeout(() => poller[Symbol.dispose](), 30);`);
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n").sort(), ["microtask", "other", "uncaught boom"]);
});

test("a watch neither keeps the process alive nor breaks its exit, even with data waiting", () => {
  for (const ending of ["", "process.exit(0);", "setTimeout(() => process.exit(0), 10);"]) {
    const { status, stderr, signal } = run(`poller.add(b, () => {}); a.send(Uint8Array.of(1)); ${ending}`);
    assert.deepEqual([status, signal], [0, null], stderr);
  }
  const thrown = run(`poller.add(b, () => {}); a.send(Uint8Array.of(1)); throw new Error("end");`);
  assert.deepEqual([thrown.status, thrown.signal], [1, null]);
});

function run(body: string) {
  const code = `import { Poller, Socket } from ${JSON.stringify(`${import.meta.dirname}/mod.ts`)};
    const poller = new Poller(); const [a, b] = Socket.pair(); const buffer = new Uint8Array(16); ${body}`;
  return spawnSync(process.execPath, ["--input-type=module-typescript", "-e", code], { encoding: "utf8", timeout: 20_000 });
}

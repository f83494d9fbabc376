import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "./stdio.ts";
import { Bench, collect, isolateProcesses } from "./testing.ts";

isolateProcesses();

describe("output", { timeout: 120_000 }, () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(async () => {
    await bench[Symbol.asyncDispose]();
    assert.deepEqual(bench.leftovers(), []);
  });

  const attach = (id: string) => bench.containers.attach(id, { stdin: false, stdout: true, stderr: false, logs: false, stream: true });

  it("reaches a client whole that reads nothing before the process has ended", async () => {
    // More than a client may lag behind, and no more than fits into pipe and socket besides.
    const size = 1_200_000;
    const { Id } = await bench.create(["dd", "if=/dev/zero", `bs=${size}`, "count=1"]);
    const session = await attach(Id);
    const exit = bench.containers.wait(Id, "next-exit").result;
    await bench.containers.start(Id);
    await exit;
    assert.equal((await collect(session.output)).stdout.length, size);
  });

  it("of a process that writes for ever keeps nobody from removing the container while a client reads nothing", async () => {
    const { Id } = await bench.create(["yes"]);
    const session = await attach(Id);
    await bench.containers.start(Id);
    while ((session as Session).lag <= 1 << 20) await sleep(20);
    // conmon's socket fills, and then conmon waits.
    await sleep(500);
    await bench.containers.remove(Id, { force: true, volumes: true, link: false });
    assert.throws(() => bench.containers.resolve(Id), /No such container/);
    const { stdout } = await collect(session.output);
    assert.ok(stdout.length > 1 << 20 && stdout.length < 8 << 20, `${stdout.length} bytes were kept for it`);
  });
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Bench, isolateProcesses } from "./testing.ts";

isolateProcesses();

/** Freezes a container behind the daemon's back, as a pause does whose daemon dies before it is written down. */
async function freeze(bench: Bench, id: string, wanted: boolean): Promise<void> {
  const path = `${bench.options.defaults!.cgroupParent}/${id}`;
  const v1 = readdirSync("/sys/fs/cgroup").includes("freezer");
  if (!v1) return writeFileSync(`/sys/fs/cgroup/${path}/cgroup.freeze`, wanted ? "1" : "0");
  const [state, word] = [`/sys/fs/cgroup/freezer/${path}/freezer.state`, wanted ? "FROZEN" : "THAWED"];
  // A process of several threads that is in execve(2), as the runtime's is at first, waits for the others, which are frozen: they have to go on for a moment.
  for (; readFileSync(state, "utf8").trim() !== word; await pause(10)) {
    writeFileSync(state, "THAWED");
    await pause(10);
    writeFileSync(state, word);
  }
}

const statusOf = async (bench: Bench, id: string) => ((await bench.containers.inspect(id)).State as { Status: string }).Status;

test("a pause or unpause that the daemon's death cut off is found as far as it came", async () => {
  await using bench = await Bench.open();
  const { Id } = await bench.create(["sleep", "1000"]);
  await bench.containers.start(Id);
  await freeze(bench, Id, true);
  await bench.restart();
  assert.equal(await statusOf(bench, Id), "paused");
  await bench.containers.unpause(Id);
  await bench.containers.pause(Id);
  await freeze(bench, Id, false);
  await bench.restart();
  assert.equal(await statusOf(bench, Id), "running");
  await bench.containers.remove(Id, { force: true, volumes: false, link: false });
});

test("a container that somebody froze is stopped and removed", async () => {
  await using bench = await Bench.open();
  const { Id } = await bench.create(["sleep", "1000"]);
  for (const end of [
    () => bench.containers.stop(Id, { timeout: 0 }),
    () => bench.containers.kill(Id, "KILL"),
    () => bench.containers.remove(Id, { force: true, volumes: false, link: false }),
  ]) {
    await bench.containers.start(Id);
    await freeze(bench, Id, true);
    await end();
  }
  await bench.containers.close();
  assert.deepEqual(bench.leftovers(), []);
});

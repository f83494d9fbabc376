import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { leaked } from "#lab";
import { HOST_ADDRESS, stage } from "../experiments/stage.ts";

/** A small seeded generator (mulberry32): the same kills in the same places, run after run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

test("kill -9 of the daemon: containers, addresses, names and an open TCP connection live on", async (t) => {
  const { host, outside, docker } = await stage(t);
  await docker("network create blue");
  // An echo server that keeps its connection.
  await docker(
    ["run", "-d", "--name", "echo", "--network", "blue", "-p", "7000:7000", "busybox", "nc", "-ll", "-p", "7000", "-e", "cat"].join(" "),
  );
  await docker("run -d --name peer --network blue busybox sleep 600");
  const format = "{{.Id}} {{.State.Pid}} {{range .NetworkSettings.Networks}}{{.EndpointID}} {{.IPAddress}} {{.MacAddress}}{{end}}";
  const before = await docker(["inspect", "-f", format, "echo", "peer"].map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" "));
  const client = outside.spawn(["nc", HOST_ADDRESS, "7000"]);
  client.write("before\n");
  await until(() => client.stdout.includes("before"), "the echo of the first line");
  for (let round = 1; round <= 3; round++) {
    await host.daemon.kill();
    client.write(`without ${round}\n`);
    await until(() => client.stdout.includes(`without ${round}`), "an answer while no daemon runs");
    await host.daemon.start();
    client.write(`after ${round}\n`);
    await until(() => client.stdout.includes(`after ${round}`), "an answer from the same connection afterwards");
  }
  assert.equal(
    await docker(["inspect", "-f", format, "echo", "peer"].map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ")),
    before,
  );
  assert.match(await docker("exec peer ping -c 1 echo"), /1 packets received/);
  assert.match(await docker("run --rm --network blue busybox ping -c 1 peer"), /1 packets received/);
  client.destroy();
});

test("kill -9 of the daemon in the middle of anything leaves nothing half done", async (t) => {
  const { host, docker } = await stage(t);
  await docker("network create blue");
  // The directory of namespaces is a mount of its own from the first container on.
  await docker("run --rm busybox true");
  const before = await host.state();
  const next = random(Number(process.env.FAIRWAY_SEED ?? 1));
  const operations = [
    "run -d --name c%d --network blue -p 81%d:80 busybox sleep 600",
    "network create n%d",
    "network connect bridge c%d",
    "pause c%d",
    "unpause c%d",
    "update --cpu-shares 300 c%d",
    "exec -d c%d sleep 600",
    "run --rm --network blue busybox true",
    "volume create v%d",
    "volume rm v%d",
    "tag busybox t%d",
    "rmi t%d",
    "stop -t 0 c%d",
    "start c%d",
    "network disconnect bridge c%d",
    "restart -t 0 c%d",
    "rm -f c%d",
    "network rm n%d",
  ];
  for (let round = 0; round < 2 * operations.length; round++) {
    const operation = operations[round % operations.length]!.replaceAll("%d", String(Math.floor(round / operations.length)));
    const command = host.dockerSpawn(operation);
    const delay = Math.floor(next() * 120);
    await sleep(delay);
    await host.daemon.kill();
    await command.ended;
    await host.daemon.start();
    const where = `after \`docker ${operation}\` killed at ${delay} ms`;
    const { text } = await host.daemon.api("GET", "/fairway/drift");
    assert.deepEqual(JSON.parse(text), { drift: [] }, where);
    for (const [id, state] of (await docker("ps -a --no-trunc --format '{{.ID}} {{.State}}'"))
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" "))) {
      assert.ok(["created", "running", "paused", "exited"].includes(state ?? ""), `${where}: ${id} is ${state}`);
      if (state !== "running") continue;
      const { code } = await host.docker(`exec ${id} true`, { allowFailure: true });
      // One that the last daemon killed may be ending still.
      if (code !== 0) await docker(`wait ${id}`);
    }
    await host.docker(operation, { allowFailure: true });
  }
  for (const id of (await docker("ps -aq")).split("\n").filter(Boolean)) await docker(`rm -f ${id}`);
  for (const name of (await docker("network ls --filter type=custom --format '{{.Name}}'"))
    .split("\n")
    .filter((each) => each && each !== "blue"))
    await docker(`network rm ${name}`);
  const left = leaked(before, await host.state());
  assert.deepEqual(
    left.filter((line) => !line.startsWith("processes: ") || !line.includes("fairwayd")),
    [],
    left.join("\n"),
  );
});

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`No ${what} in 10 s`);
    await sleep(20);
  }
}

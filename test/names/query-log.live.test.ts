import assert from "node:assert/strict";
import { test } from "node:test";
import { portStage, until } from "../ports/stage.ts";

const FAIRWAY = new URL("../../bin/fairway", import.meta.url).pathname;

interface Query {
  readonly name: string;
  readonly type: string;
  readonly rcode: string;
  readonly answers: number;
}

test("`fairway dns log` tells each query of one container, through its restarts, and none of another's", async (t) => {
  const { host, docker } = await portStage(t);
  await docker("network create own");
  for (const name of ["asks", "other"]) await docker(`run -d --name ${name} --network own busybox sleep 1000`);
  const log = host.spawn([FAIRWAY, "-H", `unix://${host.socket}`, "dns", "log", "asks", "--json"]);
  t.after(() => log.kill());
  const told = (): Query[] =>
    log.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  const ask = (container: string, name: string) => host.docker(`exec ${container} nslookup -type=a ${name}`, { allowFailure: true });
  const shown = (name: string) => told().filter((query) => query.name === name);
  await until(async () => {
    await ask("asks", "other");
    return shown("other").length > 0;
  }, 20_000);
  const { type, rcode, answers } = shown("other")[0]!;
  assert.deepEqual([type, rcode, answers], ["A", "NOERROR", 1]);

  await ask("other", "asks");
  await docker("restart -t 0 asks");
  await ask("asks", "nosuch.internal");
  await until(async () => shown("nosuch.internal").length > 0);
  assert.equal(shown("nosuch.internal")[0]!.rcode, "NXDOMAIN");
  await docker("network disconnect own asks");
  await docker("network connect own asks");
  await ask("asks", "asks.own");
  await until(async () => shown("asks.own").length > 0);
  assert.deepEqual(shown("asks"), [], "what another asked");
});

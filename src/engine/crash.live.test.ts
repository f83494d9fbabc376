import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { silentLog } from "#base";
import { isolate, listNamespaces, removeNamespaceDirectory } from "#kernel/netns";
import { RouteSocket } from "#kernel/rtnetlink";
import { openStore } from "#store";
import { CRASH_OPERATIONS, crashSpec, FOREIGN_BRIDGE, openForCrash } from "./crash-lab.ts";
import type { LocalEngine } from "./engine.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const as = { executor: <T>(part: T) => part, namespaces: <T>(part: T) => part };
const CHILD = `${import.meta.dirname}/crash-child.ts`;

/** As `ip link` sees them: sysfs has a bridge that was removed some milliseconds longer. Without what was there before. */
const links = () => {
  using socket = RouteSocket.open();
  return socket.links().flatMap(({ name }) => (name === FOREIGN_BRIDGE ? [] : [name]));
};
/** Takes the bridge of somebody else's away. @returns the addresses it was left with */
function withoutForeignBridge(): readonly string[] {
  using socket = RouteSocket.open();
  const index = socket.indexOf(FOREIGN_BRIDGE);
  if (index === undefined) return [];
  const left = socket.addresses({ index, family: 4 }).map(({ address }) => address);
  execFileSync("ip", ["link", "del", FOREIGN_BRIDGE]);
  return left;
}
const isPromiscuous = (name: string) => {
  using socket = RouteSocket.open();
  return socket.link(name)?.promiscuous;
};
/** On a busy machine the last links are on their way out for a while: docs/decisions/053-links-are-removed-from-a-thread.md. */
async function goneLinks(): Promise<void> {
  for (let look = 0; look < 500 && links().length > 2; look++) await pause(20);
}
const mounts = (directory: string) =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(`${directory}/netns/`)).length;

/** All of what was asked, or nothing of it; and no trace of the rest. */
async function assertWhole(engine: LocalEngine, directory: string, where: string): Promise<void> {
  assert.deepEqual(
    engine.drift().map(({ kind, description }) => `${kind} ${description}`),
    [],
    `${where}: nothing drifts`,
  );
  const id = crashSpec(directory).containerId;
  const sandbox = engine.hasSandbox(id) ? engine.describeSandbox(id) : undefined;
  const up = sandbox !== undefined && sandbox.sandboxId !== "";
  assert.equal(listNamespaces(`${directory}/netns`).length, up ? 1 : 0, `${where}: namespaces`);
  assert.equal(mounts(directory), up ? 1 : 0, `${where}: mounts`);
  const bridges = engine.listNetworks().filter(({ driver, name }) => driver === "bridge" && name !== "adopting").length;
  const veths = up ? sandbox.endpoints.filter(({ endpointId }) => endpointId !== "").length : 0;
  assert.equal(links().length, 1 + bridges + veths, `${where}: links are ${links().join(" ")}`);
  if (up)
    for (const { ipv4, gateway } of sandbox.endpoints)
      assert.ok(ipv4 !== "" && gateway !== "", `${where}: an endpoint that is up has its addresses`);
}

for (const [operation] of Object.entries(CRASH_OPERATIONS)) {
  test(`kill -9 at every step of ${operation} leaves nothing half done`, {
    skip: isolated ? false : "needs root",
    timeout: 240_000,
  }, async () => {
    let finished = false;
    for (let boundary = 1; !finished; boundary++) {
      const directory = mkdtempSync(`${tmpdir()}/fairway-crash-`);
      mkdirSync(`${directory}/netns`);
      const child = spawnSync(process.execPath, [CHILD, directory, operation, String(boundary)], { encoding: "utf8" });
      finished = child.signal === null;
      assert.ok(!finished || child.status === 0, `${operation} fails by itself: ${child.stderr}`);
      assert.ok(!finished || boundary > 2, `${operation} has step boundaries`);
      const where = `${operation}, step ${boundary}`;
      const store = await openStore(`sqlite:${directory}/fairway.db`);
      const engine = await openForCrash(directory, store, silentLog, as);
      try {
        await assertWhole(engine, directory, where);
        const id = crashSpec(directory).containerId;
        await engine.forgetSandbox(id);
        for (const { name, predefined } of engine.listNetworks()) if (!predefined) await engine.removeNetwork(name);
        await goneLinks();
        assert.deepEqual(links().sort(), ["docker0", "lo"], `${where}: everything can be removed`);
        assert.equal(isPromiscuous("docker0"), false, `${where}: what was set is put back`);
        assert.deepEqual(withoutForeignBridge(), [], `${where}: addresses on a bridge of somebody else's`);
        assert.deepEqual((await store.list("sandbox/")).length, 0);
      } finally {
        await engine.close();
        await store.close();
        removeNamespaceDirectory(`${directory}/netns`);
        rmSync(directory, { recursive: true, force: true });
      }
    }
  });
}

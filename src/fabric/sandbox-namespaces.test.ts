import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { enter, isolate, namespaceInode } from "#kernel/netns";
import { RouteSocket } from "#kernel/rtnetlink";
import { SandboxNamespaces } from "./sandbox-namespaces.ts";
import { SpareNamespaces } from "./spare-namespaces.ts";

const options = { skip: isolate() ? false : "needs root" };
const root = mkdtempSync(`${tmpdir()}/fairway-sandboxes-`);
process.once("exit", () => rmSync(root, { recursive: true, force: true }));

/** Network namespaces that descriptors of this process hold, but for its own. */
function held(): string[] {
  const own = `net:[${namespaceInode("host")}]`;
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith("net:") && target !== own);
}

const until = async (ready: () => boolean): Promise<void> => {
  while (!ready()) await pause(1);
};

test("`SandboxNamespaces.create()` pins a namespace whose lo is up and whose links have no IPv6", options, () => {
  const namespaces = new SandboxNamespaces(`${root}/netns`);
  const path = `${root}/netns/one`;
  namespaces.create(path);
  assert.deepEqual(namespaces.list(), [path]);
  using socket = RouteSocket.open(path);
  assert.equal(socket.link("lo")?.up, true);
  assert.equal(
    enter(path, () => readFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "utf8")),
    "1\n",
  );
  assert.throws(() => namespaces.create(path), { code: "eexist" });
  namespaces.remove(path);
  namespaces.close();
  assert.deepEqual(held(), [], "nothing holds a namespace");
});

test("`SpareNamespaces.take()` hands out what was made ahead, which hangs on nothing but descriptors", options, async () => {
  const before = readFileSync("/proc/self/mountinfo", "utf8");
  const spares = new SpareNamespaces({ count: 2, delay: 1 });
  using first = spares.take();
  assert.equal(spares.size, 0, "nothing is made before it is needed");
  await until(() => spares.size === 2);
  assert.equal(held().length, 3);
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), before, "no spare is pinned");
  {
    using second = spares.take();
    assert.equal(spares.size, 1);
    assert.notEqual(second.inode, first.inode);
  }
  await until(() => spares.size === 2);
  spares[Symbol.dispose]();
  assert.equal(held().length, 1, "the one that was taken is its taker's");
});

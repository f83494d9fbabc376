import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createNamespace, isolate, NamespaceHandle, removeNamespace, removeNamespaceDirectory } from "#kernel/netns";
import { encodeNewAddress, encodeNewLink, RouteSocket } from "#kernel/rtnetlink";
import { LinkRemover } from "./link-removal.ts";

const options = { skip: isolate({ tmpfs: ["/run"] }) ? false : "needs root" };
const remover = new LinkRemover();

test("`LinkRemover.remove()` leaves no link, address or route, and the name free, when it returns", options, async () => {
  using socket = RouteSocket.open();
  // More in a row than the pool takes.
  for (let round = 0; round < 8; round++) {
    socket.request(encodeNewLink({ name: "br0", up: true, info: { kind: "bridge" } }));
    const index = socket.indexOf("br0")!;
    socket.request(encodeNewAddress({ index, address: "10.9.0.1/24" }));
    assert.equal(remover.remove("br0", "host"), true);
    assert.equal(socket.indexOf("br0"), undefined);
    assert.deepEqual(
      socket.routes().filter((route) => route.index === index),
      [],
    );
  }
  await sleep(200);
});

test("`LinkRemover.remove()` takes a veth's peer along when one end goes", options, () => {
  using socket = RouteSocket.open();
  socket.request(encodeNewLink({ name: "a0", up: true, info: { kind: "veth" }, peer: { name: "b0" } }));
  assert.equal(remover.remove("a0", "host"), true);
  assert.deepEqual(
    socket.links().map(({ name }) => name),
    ["lo"],
  );
});

test("`LinkRemover.remove()` says why when the kernel refuses, and that a missing link was missing", options, () => {
  assert.throws(() => remover.remove("lo", "host"), /RTM_DELLINK/);
  assert.equal(remover.remove("none0", "host"), false);
});

test(
  "`LinkRemover.remove()` leaves links to go with their namespaces while the pool is busy, and deletes one whose namespace is held",
  options,
  async () => {
    using socket = RouteSocket.open();
    socket.request(encodeNewLink({ name: "br0", up: true, info: { kind: "bridge" } }));
    const master = socket.indexOf("br0")!;
    const remover = new LinkRemover({ grace: 300, concurrent: 0 });
    const paths = Array.from({ length: 12 }, (_, index) => `/run/netns/c${index}`);
    const indexes: number[] = [];
    for (const [index, path] of paths.entries()) {
      createNamespace(path);
      using namespace = NamespaceHandle.at(path);
      socket.request(encodeNewLink({ name: `v${index}`, up: true, master, info: { kind: "veth" }, peer: { name: "eth0", namespace } }));
      indexes.push(socket.indexOf(`v${index}`)!);
    }
    using held = NamespaceHandle.at(paths[11]!);
    let left = 0;
    for (const [index, path] of paths.entries()) {
      removeNamespace(path);
      // False where the kernel was quicker.
      remover.remove(`v${index}`, "host", true);
      assert.equal(socket.indexOf(`v${index}`), undefined, "the name is free");
      const link = socket.links().find((each) => each.index === indexes[index]);
      if (!link) continue;
      left++;
      assert.ok(remover.isLeaving(link.index));
      assert.deepEqual([link.up, link.master, link.alias], [false, undefined, `fairway:leaving:v${index}`]);
    }
    assert.ok(left > 0, "the last is held");
    const names = () => socket.links().map(({ name }) => name);
    for (let tries = 0; tries < 100 && names().length > 2; tries++) await sleep(20);
    assert.deepEqual(names(), ["lo", "br0"]);
    assert.ok(held.fd >= 0);
    for (const index of indexes) for (let tries = 0; tries < 50 && remover.isLeaving(index); tries++) await sleep(20);
    assert.ok(!indexes.some((index) => remover.isLeaving(index)));
    remover.remove("br0", "host");
    removeNamespaceDirectory("/run/netns");
  },
);

test("`LinkRemover.remove()` that the pool comes to late leaves a link that has the same index by then", options, async () => {
  execFileSync("mkfifo", ["/run/fifo"]);
  // Each waits for a writer, on a thread of the pool.
  const readers = Array.from({ length: 4 }, () => open("/run/fifo", "r"));
  const index = 10_000_000;
  using socket = RouteSocket.open();
  socket.request(encodeNewLink({ name: "br0", index, info: { kind: "bridge" } }));
  assert.equal(new LinkRemover().remove("br0", "host"), true);
  socket.request(encodeNewLink({ name: "br1", index, info: { kind: "bridge" } }));
  const writer = openSync("/run/fifo", "r+");
  for (const reader of readers) await (await reader).close();
  closeSync(writer);
  await sleep(200);
  assert.equal(socket.indexOf("br1"), index);
  remover.remove("br1", "host");
});

test("`LinkRemover.close()` deletes the links that wait for a namespace which is held", options, () => {
  using socket = RouteSocket.open();
  const remover = new LinkRemover({ concurrent: 0 });
  createNamespace("/run/netns/held");
  using held = NamespaceHandle.at("/run/netns/held");
  socket.request(encodeNewLink({ name: "v0", info: { kind: "veth" }, peer: { name: "eth0", namespace: held } }));
  const index = socket.indexOf("v0")!;
  removeNamespace("/run/netns/held");
  remover.remove("v0", "host", true);
  assert.ok(socket.links().some((link) => link.index === index));
  remover.close();
  assert.ok(!remover.isLeaving(index));
  assert.ok(!socket.links().some((link) => link.index === index));
  removeNamespaceDirectory("/run/netns");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Errno, FakeKernel } from "#kernel/netlink";
import { RouteSocket, RTM_NEWLINK } from "#kernel/rtnetlink";
import type { Operation } from "./diff.ts";
import { LinkRemover } from "./link-removal.ts";
import { RouteSession } from "./route-session.ts";

const create = (name: string): Operation => ({
  action: "create",
  item: { type: "link", ns: "host", name, data: { kind: "bridge" }, alias: `fairway:network:${name}`, up: true },
});

function run(kernel: FakeKernel, operations: readonly Operation[]) {
  using session = new RouteSession("host", new RouteSocket(kernel), new LinkRemover());
  return session.run(operations);
}

test("`RouteSession.run()` counts a link that was made, and whose alias was refused, among what must be undone", () => {
  let requests = 0;
  const operations = [create("br0"), create("br1")];
  const { done, failure } = run(new FakeKernel(() => (++requests === 4 ? { errno: Errno.ENOMEM } : [])), operations);
  assert.deepEqual(done, operations);
  assert.equal(failure?.operation, operations[1]);
});

test("`RouteSession.run()` counts no link that was refused among what must be undone", () => {
  const operations = [create("br0"), create("br1")];
  const { done, failure } = run(new FakeKernel(({ sequence }) => (sequence > 2 ? { errno: Errno.EEXIST } : [])), operations);
  assert.deepEqual(done, operations.slice(0, 1));
  assert.equal(failure?.operation, operations[1]);
});

test("`RouteSession.run()` fails, and counts all it sent as done, when the kernel does not answer", () => {
  const kernel = new FakeKernel();
  kernel.send = () => {};
  const operations = [create("br0"), create("br1")];
  const { done, failure } = run(kernel, operations);
  assert.deepEqual(done, operations);
  assert.equal(failure?.operation, operations[0]);
  assert.match(String(failure?.error), /ETIMEDOUT/);
});

test("`RouteSession.run()` sends nothing more after a batch in which something was refused", () => {
  const kernel = new FakeKernel(({ type }) => (type === RTM_NEWLINK ? { errno: Errno.EEXIST } : []));
  const operations: Operation[] = [
    create("br0"),
    { action: "create", item: { type: "address", ns: "host", link: "lo", address: "10.9.0.1/32" } },
  ];
  const { done, failure } = run(kernel, operations);
  assert.deepEqual([done, failure?.operation], [[], operations[0]]);
  assert.ok(kernel.requests.every(({ type }) => type === RTM_NEWLINK));
});

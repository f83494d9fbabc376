import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "#base";
import { Errno, SystemError } from "#kernel/ffi";
import { describeOperation, diff, Fabric, type Item, keyOf, MemoryExecutor, type Operation, type RunResult } from "./mod.ts";

const bridge = (name: string, extra: Partial<Extract<Item, { type: "link" }>> = {}): Item => ({
  ...{ type: "link", ns: "host", name, data: { kind: "bridge" }, alias: `fairway:network:${name}`, up: true, ...extra },
});
const veth = (name: string, master: string): Item => ({
  ...{ type: "link", ns: "host", name, alias: `fairway:endpoint:${name}`, up: true, master },
  data: { kind: "veth", peer: { ns: "/ns/a", name: "eth0" } },
});
const address: Item = { type: "address", ns: "/ns/a", link: "eth0", address: "10.0.0.2/24" };
const route: Item = { type: "route", ns: "/ns/a", link: "eth0", destination: "0.0.0.0/0", gateway: "10.0.0.1" };
const forward: Item = { type: "sysctl", ns: "host", key: "net/ipv4/ip_forward", value: "1" };
const element: Item = { type: "element", set: "bridges", key: ["br0"] };
const lines = (before: Item[], after: Item[]) => diff(before, after).map(describeOperation);

test("`diff()` orders creation from the roots up and deletion from the leaves down", () => {
  const state = [element, route, address, veth("v0", "br0"), bridge("br0"), forward];
  assert.deepEqual(lines([], state), [
    "+ sysctl net/ipv4/ip_forward=1",
    "+ link br0 (bridge)",
    "+ link v0 (veth)",
    "+ address 10.0.0.2/24 on eth0 in /ns/a",
    "+ route 0.0.0.0/0 via 10.0.0.1 dev eth0 in /ns/a",
    "+ element br0 of bridges",
  ]);
  assert.deepEqual(
    lines(state, []),
    ["- element br0 of bridges", "- link v0 (veth)", "- link br0 (bridge)"],
    "what hangs on a veth goes with it",
  );
});

test("`diff()` is empty when nothing but field order differs", () => {
  const reordered = Object.fromEntries(Object.entries(route).reverse()) as unknown as Item;
  assert.deepEqual(diff([route], [reordered]), []);
});

test("`diff()` remakes a link whose structure changed, and all that hung on it", () => {
  const moved = { ...veth("v0", "br0"), data: { kind: "veth", peer: { ns: "/ns/a", name: "eth1" } } } as Item;
  const onEth1 = { ...address, link: "eth1" } as Item;
  assert.deepEqual(lines([bridge("br0"), veth("v0", "br0"), address], [bridge("br0"), moved, onEth1]), [
    "- link v0 (veth)",
    "+ link v0 (veth)",
    "+ address 10.0.0.2/24 on eth1 in /ns/a",
  ]);
  const vlan = (id: number): Item => ({ ...bridge("eth0.5"), data: { kind: "vlan", parent: "eth0", id } }) as Item;
  const port: Item = { type: "address", ns: "host", link: "eth0.5", address: "10.5.0.1/24" };
  assert.deepEqual(lines([vlan(5), port], [vlan(6), port]), [
    "- link eth0.5 (vlan)",
    "+ link eth0.5 (vlan)",
    "+ address 10.5.0.1/24 on eth0.5",
  ]);
});

test("`keyOf()` names a route by the metric that the kernel gives it", () => {
  const metric = (destination: string, extra: object = {}) =>
    keyOf({ type: "route", ns: "host", link: "br0", destination, ...extra })
      .split(" ")
      .at(-1);
  assert.deepEqual([metric("10.0.0.0/24"), metric("fd00::/64"), metric("fd00::/64", { metric: 5 })], ["0", "1024", "5"]);
});

test("`diff()` makes anew what hangs on a link that is missing", () => {
  const sysctl: Item = { type: "sysctl", ns: "host", key: "net/ipv4/conf/br0/route_localnet", value: "1", optional: true };
  assert.deepEqual(lines([sysctl], [bridge("br0"), sysctl]), ["+ link br0 (bridge)", "+ sysctl net/ipv4/conf/br0/route_localnet=1"]);
});

test("`diff()` changes in place what can be changed in place", () => {
  assert.deepEqual(lines([bridge("br0", { mtu: 1500 })], [bridge("br0", { mtu: 9000 })]), ["~ link br0 (bridge)"]);
});

test("`diff()` puts promiscuous mode back, and no other setting, when nobody wants it any more", () => {
  const setting = (extra: object): Item => ({ type: "link-setting", ns: "host", name: "eth0", ...extra });
  assert.deepEqual(lines([setting({ up: true, promiscuous: true })], []), ["- settings of link eth0"]);
  assert.deepEqual(lines([setting({ up: true })], []), []);
  assert.deepEqual(lines([bridge("eth0"), setting({ promiscuous: true })], []), ["- link eth0 (bridge)"]);
});

test("`Fabric.converge()` says the way out when the kernel's own words do not", () => {
  const kernel = new MemoryExecutor();
  kernel.fault = () => new SystemError("RTM_NEWLINK", Errno.EINVAL);
  const passthru: Item = { ...bridge("eth0"), ns: "/ns/a", data: { kind: "macvlan", parent: "nic0", mode: "passthru" } } as Item;
  const wants = new Map([["endpoint/a", [passthru]]]);
  assert.throws(() => new Fabric(kernel).converge(wants), /; mode passthru allows one macvlan on a parent, and nic0 carries another$/);
  assert.throws(() => new Fabric(kernel).converge(new Map([["network/a", [bridge("br0")]]])), /EINVAL\)$/);
});

test("`Fabric.converge()` applies only the difference and keeps what another scope still wants", () => {
  const kernel = new MemoryExecutor();
  const fabric = new Fabric(kernel);
  fabric.converge(new Map([["network/a", [forward, bridge("br0")]]]));
  fabric.converge(new Map([["network/b", [forward, bridge("br1")]]]));
  assert.equal(kernel.history.length, 3, "ip_forward was written once");
  fabric.release(["network/a"]);
  assert.ok(kernel.items.has("sysctl host net/ipv4/ip_forward"));
  fabric.release(["network/b"]);
  assert.deepEqual(
    [...kernel.items.keys()].filter((key) => key.startsWith("link")),
    [],
  );
});

test("`Fabric.converge()` undoes everything when a step fails", () => {
  const kernel = new MemoryExecutor();
  const fabric = new Fabric(kernel);
  fabric.converge(new Map([["network/a", [bridge("br0")]]]));
  const before = [...kernel.items.keys()];
  kernel.fault = (operation) =>
    operation.action === "create" && operation.item.type === "route" ? new Error("Network is unreachable") : undefined;
  assert.throws(() => fabric.converge(new Map([["endpoint/x", [veth("v0", "br0"), address, route, element]]])), {
    code: "apply-failed",
    message: "route 0.0.0.0/0 via 10.0.0.1 dev eth0 in /ns/a: Network is unreachable",
  });
  assert.deepEqual([...kernel.items.keys()], before);
  assert.equal(fabric.wantsOf("endpoint/x"), undefined);
});

test("`Fabric.converge()` undoes all it can when a step of the undoing fails too", () => {
  const kernel = new MemoryExecutor();
  const log: string[] = [];
  const fabric = new Fabric(kernel, { ...silentLog, error: (message, fields) => log.push(`${message}: ${fields?.step}`) });
  kernel.fault = (operation) => {
    if (operation.action === "delete") return operation.before.type === "route" ? new Error("busy") : undefined;
    return operation.item.type === "element" ? new Error("no table") : undefined;
  };
  const onHost: Item = { ...route, ns: "host", link: "lo" } as Item;
  assert.throws(() => fabric.converge(new Map([["network/a", [bridge("br0"), onHost, element]]])), /no table/);
  assert.deepEqual([...kernel.items.keys()], ["route host 254 0.0.0.0/0 0"]);
  assert.deepEqual(log, ["undo step failed: - route 0.0.0.0/0 via 10.0.0.1 dev lo"]);
});

/** As netlink does it: routes are sent in one batch, in which a refusal stops none of the others, and elements in one transaction, all or none. */
class BatchExecutor extends MemoryExecutor {
  override run(operations: readonly Operation[]): RunResult {
    const refused = operations.find((operation) => this.fault?.(operation));
    if (!refused) return super.run(operations);
    const failure = { operation: refused, error: this.fault!(refused)! };
    const itemOf = (operation: Operation) => (operation.action === "delete" ? operation.before : operation.item);
    if (operations.some((operation) => itemOf(operation).type === "element")) return { done: [], failure };
    return { done: super.run(operations.filter((operation) => !this.fault?.(operation))).done, failure };
  }
}

test("`Fabric.repair()` and `release()` do what a refused step kept from being done, and nothing twice", () => {
  const elementOf = (name: string): Item => ({ type: "element", set: "bridges", key: [name] });
  const refuse = (name: string) => (operation: Operation) =>
    describeOperation(operation).includes(` ${name} `) ? new Error("refused") : undefined;
  for (const make of [elementOf, (name: string) => bridge(name)]) {
    const kernel = new BatchExecutor();
    const fabric = new Fabric(kernel);
    fabric.adopt(new Map([["a", [make("br0"), make("br1"), make("br2")]]]));
    kernel.fault = refuse("br1");
    assert.equal(fabric.repair().length, 2, "what was refused is not repaired");
    assert.deepEqual([...kernel.items.values()], [make("br0"), make("br2")]);
    kernel.fault = undefined;
    fabric.repair();
    kernel.fault = refuse("br1");
    assert.equal(fabric.release(["a"]).length, 1);
    assert.deepEqual([...kernel.items.values()], [make("br1")]);
  }
});

test("`Fabric.converge()` moves an object from one scope to another without a gap", () => {
  const kernel = new MemoryExecutor();
  const fabric = new Fabric(kernel);
  fabric.converge(
    new Map([
      ["a", [bridge("br0"), veth("v0", "br0"), route]],
      ["b", []],
    ]),
  );
  const moved = { ...route, gateway: "10.0.0.9" } as Item;
  const operations = fabric.converge(
    new Map([
      ["a", [bridge("br0"), veth("v0", "br0")]],
      ["b", [moved]],
    ]),
  );
  assert.deepEqual(operations.map(describeOperation), ["~ route 0.0.0.0/0 via 10.0.0.9 dev eth0 in /ns/a"]);
});

test("`Fabric.release()` carries on past failures and reports each", () => {
  const kernel = new MemoryExecutor();
  const fabric = new Fabric(kernel);
  fabric.converge(new Map([["a", [bridge("br0"), bridge("br1"), element]]]));
  kernel.fault = (operation) => (operation.action === "delete" && operation.before.type === "element" ? new Error("busy") : undefined);
  const errors = fabric.release(["a"]);
  assert.deepEqual(
    errors.map(({ message }) => message),
    ["element br0 of bridges: busy"],
  );
  assert.deepEqual([...kernel.items.keys()], ["element bridges br0"]);
});

test("`Fabric.repair()` puts back what vanished, mends what changed and removes strays of ours", () => {
  const kernel = new MemoryExecutor();
  const fabric = new Fabric(kernel);
  fabric.converge(new Map([["a", [bridge("br0", { mtu: 1500 }), veth("v0", "br0"), address, element]]]));
  kernel.items.delete("element bridges br0");
  kernel.items.set("link host br0", bridge("br0", { mtu: 1400 }));
  kernel.items.set("link host br9", bridge("br9"));
  assert.deepEqual(
    fabric.drift().map(({ kind, description }) => [kind, description]),
    [
      ["different", "link br0 (bridge)"],
      ["missing", "element br0 of bridges"],
      ["stray", "link br9 (bridge)"],
    ],
  );
  fabric.repair();
  assert.deepEqual(fabric.drift(), []);
  assert.equal(kernel.items.has("link host br9"), false);
});

test("`Fabric.plan()` says what `converge()` would do and does nothing", () => {
  const kernel = new MemoryExecutor();
  const fabric = new Fabric(kernel);
  assert.deepEqual(fabric.plan(new Map([["a", [bridge("br0")]]])).map(describeOperation), ["+ link br0 (bridge)"]);
  assert.equal(kernel.items.size, 0);
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Log, silentLog } from "#base";
import { Poller } from "#kernel/ffi";
import { createNamespace, isolate, removeNamespace, removeNamespaceDirectory } from "#kernel/netns";
import type { DesiredState, Item, LinkItem } from "./mod.ts";
import { Fabric, KernelExecutor, KernelWatch, noElements } from "./mod.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const options = { skip: isolated ? false : "needs root" };
const ip = (command: string): string => execFileSync("ip", command.split(" "), { encoding: "utf8" });
const SANDBOX = "/run/netns/a";
const firewall = noElements({ elements: (done) => ({ done }), read: () => [], table() {}, hasTable: () => true });

const bridge = (name: string, extra: Partial<LinkItem> = {}): LinkItem => ({
  ...{
    type: "link",
    ns: "host",
    name,
    data: { kind: "bridge" },
    alias: `fairway:network:${name}`,
    mac: "02:42:00:00:00:01",
    up: true,
    ...extra,
  },
});
const port = (name: string, master: string): LinkItem => ({
  ...{ type: "link", ns: "host", name, data: { kind: "veth", peer: { ns: SANDBOX, name: "eth0" } }, alias: `fairway:endpoint:${name}` },
  ...{ up: true, master, hairpin: true },
});
const on = (link: string, destination: string): Item => ({ type: "route", ns: "host", link, destination });
const WANTS: readonly (readonly [string, DesiredState])[] = [
  ["network/a", [bridge("br-a"), { type: "address", ns: "host", link: "br-a", address: "10.9.0.1/24" }]],
  ["network/b", [bridge("br-b")]],
  ["endpoint/a", [port("veth-a", "br-a"), on("br-a", "10.7.0.0/24"), on("br-a", "fd07::/64")]],
];

/** The watch at work over `WANTS`; `settled()` waits until nothing drifts. */
class Stage implements Disposable {
  readonly executor = new KernelExecutor(firewall);
  readonly fabric = new Fabric(this.executor);
  readonly repaired: string[] = [];
  readonly errors: string[] = [];
  readonly #poller = new Poller();
  readonly #watch: KernelWatch;

  constructor() {
    createNamespace(SANDBOX);
    this.fabric.converge(new Map(WANTS));
    const log: Log = { ...silentLog, error: (message) => this.errors.push(message) };
    this.#watch = new KernelWatch({
      ...{ fabric: this.fabric, poller: this.#poller, log },
      onRepair: (repaired) => this.repaired.push(...repaired.map(({ description }) => description)),
    });
  }

  async settled(): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      // The events of the last change come first.
      await sleep(50);
      if (this.fabric.drift().length === 0) return;
    }
    assert.deepEqual(
      this.fabric.drift().map(({ description }) => description),
      [],
    );
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#poller[Symbol.dispose]();
    this.fabric.release([...this.fabric.scopes()]);
    removeNamespace(SANDBOX);
    this.fabric.close();
  }
}

for (const [what, command] of [
  ["a link is taken down, and routes with it", "link set br-a down"],
  ["a bridge is deleted and its ports let go", "link del br-a"],
  ["a port is moved to another bridge", "link set veth-a master br-b"],
  ["a port is let go", "link set veth-a nomaster"],
  ["a MAC is changed", "link set br-a address 02:42:00:00:00:99"],
  ["an alias is taken away", "link set br-a alias foreign"],
  ["hairpin is switched off through the bridge", "link set veth-a type bridge_slave hairpin off"],
  ["an address is removed", "addr del 10.9.0.1/24 dev br-a"],
  ["an IPv4 route is removed", "route del 10.7.0.0/24"],
  ["an IPv6 route is removed", "-6 route del fd07::/64"],
  ["a route is led elsewhere", "route replace 10.7.0.0/24 dev br-b"],
] as const)
  test(`\`KernelWatch\` puts it right when ${what}`, options, async () => {
    using stage = new Stage();
    await stage.settled();
    assert.deepEqual(stage.repaired, [], "nothing of ours is taken for somebody else's");
    ip(command);
    await stage.settled();
    assert.ok(stage.repaired.length > 0);
  });

test("`KernelWatch` puts many things right in a row, and leaves what keeps being undone", options, async () => {
  using stage = new Stage();
  const vlans = Array.from({ length: 40 }, (_, index) => bridge(`br-${index}`));
  stage.fabric.converge(new Map([["many", vlans]]));
  await stage.settled();
  for (const { name } of vlans) {
    ip(`link set ${name} down`);
    await stage.settled();
  }
  assert.deepEqual([stage.errors, stage.repaired.length], [[], 40]);
  while (stage.errors.length === 0) {
    ip("link set br-a down");
    await sleep(5);
  }
  assert.match(stage.errors[0]!, /something keeps undoing repairs/);
});

test("`KernelWatch` looks again when a look failed", options, async () => {
  using stage = new Stage();
  await stage.settled();
  const { executor } = stage;
  executor.observe = () => {
    throw new Error("no descriptor is left");
  };
  ip("link set br-a down");
  while (stage.errors.length === 0) await sleep(20);
  executor.observe = KernelExecutor.prototype.observe;
  await stage.settled();
  assert.ok(stage.repaired.includes("link br-a (bridge)"));
});

test("`KernelWatch` knows a parent by its alternative name", options, async () => {
  using stage = new Stage();
  const plug = () => {
    ip("link add nic0 type veth peer name nic1");
    ip("link property add dev nic0 altname enp0s3");
    ip("link set nic0 up");
  };
  plug();
  const onParent: LinkItem = {
    type: "link",
    ns: SANDBOX,
    name: "eth1",
    data: { kind: "macvlan", parent: "enp0s3", mode: "bridge" },
    alias: "",
    up: true,
  };
  const setting: Item = { type: "link-setting", ns: "host", name: "enp0s3", promiscuous: true };
  stage.fabric.converge(
    new Map<string, DesiredState>([
      ["network/lan", [setting]],
      ["endpoint/lan", [onParent, { type: "link-setting", ns: SANDBOX, name: "eth1", up: true }]],
    ]),
  );
  await stage.settled();
  assert.equal(stage.repaired.length, 0);
  ip("link set nic0 promisc off");
  await stage.settled();
  assert.equal(stage.repaired.join(), "settings of link enp0s3");
  ip("link del nic0");
  await sleep(50);
  plug();
  await stage.settled();
  assert.ok(stage.repaired.includes(`link eth1 (macvlan) in ${SANDBOX}`));
  ip("link del nic0");
});

test("a bridge keeps the MTU it was made with when its last port leaves", options, async () => {
  using stage = new Stage();
  stage.fabric.converge(new Map([["network/c", [bridge("br-c", { mtu: 9000 })]]]));
  ip("link add d0 type veth peer name d1");
  ip("link set d0 mtu 9000 master br-c");
  ip("link del d0");
  await stage.settled();
  assert.match(ip("link show br-c"), /mtu 9000/);
  assert.deepEqual(stage.repaired, []);
});

after(() => {
  if (!isolated) return;
  removeNamespaceDirectory("/run/netns");
  assert.equal(ip("-br link").trim().split("\n").length, 1, "only lo is left");
});

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { describeItem } from "#fabric";
import { type FakeHost, fakeHost, onHost, sandboxSpec } from "./testing.ts";

const kernelOf = ({ kernel }: FakeHost) => [...kernel.items.values()].map(describeItem);
const has = (host: FakeHost, text: string) => kernelOf(host).some((line) => line.includes(text));

test("`LocalEngine.open()` makes docker0 and the predefined networks, and finds them again with the same ids", () =>
  onHost(async (host) => {
    const ids = host.engine.listNetworks().map(({ name, id }) => [name, id]);
    assert.deepEqual(new Set(ids.map(([name]) => name)), new Set(["bridge", "host", "none"]));
    assert.ok(has(host, "address 172.17.0.1/16 on docker0"));
    const again = await host.restart();
    assert.deepEqual(new Map(again.engine.listNetworks().map(({ name, id }) => [name!, id])), new Map(ids as [string, string][]));
    assert.equal(again.engine.findNetwork("bridge").ipam.config?.[0]?.subnet, "172.17.0.0/16");
    await again.engine.close();
  }));

test("`createNetwork()` takes the pools in Docker's order and gives a removed one out again", () =>
  onHost(async ({ engine }) => {
    const subnet = (name: string) => engine.findNetwork(name).ipam.config?.[0];
    await engine.createNetwork({ name: "a" });
    await engine.createNetwork({ name: "b" });
    assert.deepEqual(
      [subnet("a"), subnet("b")].map((pool) => [pool?.subnet, pool?.gateway]),
      [
        ["172.18.0.0/16", "172.18.0.1"],
        ["172.19.0.0/16", "172.19.0.1"],
      ],
    );
    await engine.removeNetwork("a");
    await engine.createNetwork({ name: "c" });
    assert.equal(subnet("c")?.subnet, "172.18.0.0/16");
  }));

test("`createNetwork()` avoids the host's routes, save default and VPN halves", () =>
  onHost(
    async ({ engine }) => {
      await engine.createNetwork({ name: "a" });
      assert.equal(engine.findNetwork("a").ipam.config?.[0]?.subnet, "172.20.0.0/16");
    },
    { routes: ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "172.18.0.0/16", "172.19.4.0/24"] },
  ));

test("`createNetwork()` avoids the host's name servers, which a network of theirs would hide", () =>
  onHost(
    async ({ engine }) => {
      await engine.createNetwork({ name: "a", ipv6: true });
      assert.equal(engine.findNetwork("a").ipam.config?.[0]?.subnet, "172.19.0.0/16");
    },
    { nameservers: ["127.0.0.53", "172.18.4.53", "fe80::53"] },
  ));

test("the default bridge keeps its subnet though the host's name server is at its address", () =>
  onHost(async (host, filesDir) => {
    const again = await fakeHost({ filesDir, nameservers: ["172.17.0.1"] }, host);
    assert.equal(again.engine.findNetwork("bridge").ipam.config?.[0]?.subnet, "172.17.0.0/16");
    await again.engine.close();
  }));

test("errors call a container that was renamed by its new name", () =>
  onHost(async ({ engine }, dir) => {
    await engine.createNetwork({ name: "blue", ipam: { driver: "default", options: null, config: [{ subnet: "10.1.0.0/24" }] } });
    const ports = { "80/tcp": [{ hostIp: "", hostPort: "8080" }] };
    const on: [string, object][] = [["blue", { ipv4: "10.1.0.9" }]];
    const [first, second, third] = [sandboxSpec("a", dir, { on, ports }), sandboxSpec("b", dir, { on }), sandboxSpec("e", dir, { ports })];
    for (const spec of [first, second, third]) await engine.declareSandbox(spec);
    await engine.openSandbox(first.containerId);
    await engine.renameSandbox(first.containerId, "web");
    await assert.rejects(engine.openSandbox(second.containerId), /10\.1\.0\.9 is held by container "web"/);
    await assert.rejects(engine.openSandbox(third.containerId), /it is published by container "web"/);
  }));

const REFUSED: [title: string, spec: Parameters<FakeHost["engine"]["createNetwork"]>[0], category: string, message: RegExp][] = [
  ["a predefined name", { name: "bridge" }, "forbidden", /^operation is not permitted on predefined bridge network $/],
  ["a blank name", { name: "  " }, "invalidParameter", /^invalid name: name is empty$/],
  ["a name that is taken", { name: "taken" }, "conflict", /^network with name taken already exists$/],
  ["an unknown driver", { name: "x", driver: "nosuch" }, "notFound", /^plugin "nosuch" not found$/],
  [
    "an overlapping subnet",
    { name: "x", ipam: { driver: "default", options: null, config: [{ subnet: "172.18.4.0/24" }] } },
    "forbidden",
    /Pool overlaps/,
  ],
  [
    "two subnets of a family",
    { name: "x", ipam: { driver: "default", options: null, config: [{ subnet: "10.1.0.0/24" }, { subnet: "10.2.0.0/24" }] } },
    "forbidden",
    /multiple subnets/,
  ],
  ["no family at all", { name: "x", ipv4: false }, "invalidParameter", /^IPv4 or IPv6 must be enabled$/],
  [
    "a bad bool",
    { name: "x", options: { "com.docker.network.bridge.enable_icc": "maybe" } },
    "invalidParameter",
    /strconv.ParseBool: parsing "maybe"/,
  ],
  [
    "a bad gateway mode",
    { name: "x", options: { "com.docker.network.bridge.gateway_mode_ipv4": "zz" } },
    "invalidParameter",
    /unknown gateway mode zz/,
  ],
  [
    "isolated without internal",
    { name: "x", options: { "com.docker.network.bridge.gateway_mode_ipv4": "isolated" } },
    "internal",
    /can only be used for an internal network/,
  ],
  [
    "a bridge name of 16 characters",
    { name: "x", options: { "com.docker.network.bridge.name": "abcdefghijklmnop" } },
    "invalidParameter",
    /at most 15 characters/,
  ],
  [
    "a missing configuration network",
    { name: "x", configFrom: "none-such" },
    "notFound",
    /configuration network "none-such" does not exist/,
  ],
  ["a second host network", { name: "x", driver: "host" }, "forbidden", /only one instance of "host" network is allowed/],
];

for (const [title, spec, category, message] of REFUSED) {
  test(`\`createNetwork()\` refuses ${title}, and leaves nothing`, () =>
    onHost(async (host) => {
      await host.engine.createNetwork({ name: "taken" });
      const before = kernelOf(host);
      await assert.rejects(host.engine.createNetwork(spec), { category, message });
      assert.deepEqual(kernelOf(host), before);
      assert.equal(host.engine.listNetworks().length, 4);
      await host.engine.createNetwork({ name: "next" });
      assert.equal(host.engine.findNetwork("next").ipam.config?.[0]?.subnet, "172.19.0.0/16");
    }));
}

test("`createNetwork()` leaves nothing behind when the kernel refuses", () =>
  onHost(async (host) => {
    const before = kernelOf(host);
    host.kernel.fault = (operation) =>
      operation.action === "create" && operation.item.type === "element" ? new Error("no memory") : undefined;
    await assert.rejects(host.engine.createNetwork({ name: "a" }), /no memory/);
    host.kernel.fault = undefined;
    assert.deepEqual(kernelOf(host), before);
    assert.deepEqual((await host.store.list("network/")).length, 3);
  }));

test("`openSandbox()` gives addresses, interfaces and a default route, and `closeSandbox()` takes all but the addresses", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    await engine.createNetwork({ name: "blue" });
    await engine.createNetwork({ name: "red" });
    const before = kernelOf(host);
    const spec = sandboxSpec("a", dir, { on: ["red", "blue"] });
    await engine.declareSandbox(spec);
    const view = await engine.openSandbox(spec.containerId);
    assert.deepEqual(host.namespaces.list(), [view.netnsPath]);
    const state = engine.describeSandbox(spec.containerId);
    assert.deepEqual(
      state.endpoints.map(({ networkName, ipv4, mac, gateway }) => [networkName, ipv4, mac, gateway]),
      [
        ["red", "172.19.0.2", "02:42:ac:13:00:02", "172.19.0.1"],
        ["blue", "172.18.0.2", "02:42:ac:12:00:02", "172.18.0.1"],
      ],
    );
    assert.ok(has(host, "route 0.0.0.0/0 via 172.18.0.1 dev eth1"), "the first network by name gives the default route");
    await engine.closeSandbox(spec.containerId);
    assert.deepEqual(kernelOf(host), before);
    assert.deepEqual(host.namespaces.list(), []);
    const other = sandboxSpec("b", dir, { on: ["red"] });
    await engine.declareSandbox(other);
    await engine.openSandbox(other.containerId);
    assert.equal(engine.describeSandbox(other.containerId).endpoints[0]?.ipv4, "172.19.0.3", "a stopped container keeps its address");
    await engine.forgetSandbox(spec.containerId);
    await engine.forgetSandbox(other.containerId);
    assert.deepEqual(kernelOf(host), before);
    assert.deepEqual((await host.store.list("sandbox/")).length, 0);
  }));

test("`openSandbox()` undoes everything when a step fails, and the address is free again", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    const before = kernelOf(host);
    const spec = sandboxSpec("a", dir);
    await engine.declareSandbox(spec);
    host.kernel.fault = (operation) =>
      operation.action === "create" && operation.item.type === "route" ? new Error("Network is unreachable") : undefined;
    await assert.rejects(engine.openSandbox(spec.containerId), /Network is unreachable/);
    host.kernel.fault = undefined;
    assert.deepEqual(kernelOf(host), before);
    assert.deepEqual(host.namespaces.list(), []);
    await engine.openSandbox(spec.containerId);
    assert.equal(engine.describeSandbox(spec.containerId).endpoints[0]?.ipv4, "172.17.0.2");
  }));

test("`connect()` and `disconnect()` move the default route of a running container with its networks", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    await engine.createNetwork({ name: "blue" });
    const spec = sandboxSpec("a", dir);
    await engine.declareSandbox(spec);
    await engine.openSandbox(spec.containerId);
    await engine.connect("blue", spec.containerId, { gwPriority: 10 });
    assert.ok(has(host, "route 0.0.0.0/0 via 172.18.0.1 dev eth1"));
    await assert.rejects(engine.connect("blue", spec.containerId, {}), {
      category: "forbidden",
      message: /already exists in network blue/,
    });
    await engine.disconnect("blue", spec.containerId, false);
    assert.ok(has(host, "route 0.0.0.0/0 via 172.17.0.1 dev eth0"));
    await assert.rejects(engine.disconnect("blue", spec.containerId, false), {
      category: "internal",
      message: /is not connected to network blue/,
    });
  }));

test("`removeNetwork()` names who is on it; a stopped container does not hold it back", () =>
  onHost(async ({ engine }, dir) => {
    await engine.createNetwork({ name: "blue" });
    const spec = sandboxSpec("a", dir, { on: ["blue"] });
    await engine.declareSandbox(spec);
    await engine.openSandbox(spec.containerId);
    await assert.rejects(engine.removeNetwork("blue"), {
      category: "forbidden",
      message: /has active endpoints \(name:"c-a" id:"[0-9a-f]{12}"\)$/,
    });
    await engine.closeSandbox(spec.containerId);
    await engine.removeNetwork("blue");
    await assert.rejects(engine.openSandbox(spec.containerId), { category: "notFound", message: "network blue not found" });
  }));

test("`openSandbox()` refuses a port that another container has, naming it, and takes nothing", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    const ports = { "80/tcp": [{ hostIp: "", hostPort: "8080" }] };
    const [a, b] = [sandboxSpec("a", dir, { ports }), sandboxSpec("b", dir, { ports })];
    for (const spec of [a, b]) await engine.declareSandbox(spec);
    await engine.openSandbox(a.containerId);
    assert.deepEqual(engine.describeSandbox(a.containerId).ports, { "80/tcp": [{ hostIp: "0.0.0.0", hostPort: "8080" }] });
    const before = kernelOf(host);
    await assert.rejects(engine.openSandbox(b.containerId), /Bind for 0\.0\.0\.0:8080 failed: port is already allocated.*c-a/);
    assert.deepEqual(kernelOf(host), before);
    await engine.closeSandbox(a.containerId);
    await engine.openSandbox(b.containerId);
  }));

test("a container that joins another's namespace keeps it alive, and the owner's return gives it its interface back", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    const owner = sandboxSpec("a", dir);
    const joiner = sandboxSpec("b", dir, { network: { mode: "container", containerId: owner.containerId }, on: [] });
    for (const spec of [owner, joiner]) await engine.declareSandbox(spec);
    await assert.rejects(engine.openSandbox(joiner.containerId), { category: "conflict" });
    const { netnsPath } = await engine.openSandbox(owner.containerId);
    assert.equal((await engine.openSandbox(joiner.containerId)).netnsPath, netnsPath);
    await engine.closeSandbox(owner.containerId);
    assert.deepEqual(host.namespaces.list(), [netnsPath]);
    const again = await host.restart();
    assert.deepEqual(host.namespaces.list(), [netnsPath], "a restart leaves it too");
    await again.engine.openSandbox(owner.containerId);
    assert.ok(has(host, `address 172.17.0.2/16 on eth0 in ${netnsPath}`));
    await again.engine.closeSandbox(owner.containerId);
    await again.engine.closeSandbox(joiner.containerId);
    assert.deepEqual(host.namespaces.list(), []);
    await again.engine.close();
  }));

test("a restarted engine has the same networks, addresses and ports, and mends what the kernel lost", () =>
  onHost(async (host, dir) => {
    await host.engine.createNetwork({ name: "blue" });
    const spec = sandboxSpec("a", dir, { on: ["blue"], ports: { "80/tcp": [{ hostIp: "", hostPort: "8080" }] } });
    await host.engine.declareSandbox(spec);
    await host.engine.openSandbox(spec.containerId);
    const before = host.engine.describeSandbox(spec.containerId);
    const items = new Set(kernelOf(host).filter((line) => !line.startsWith("nftables table")));
    await host.engine.close();
    for (const key of [...host.kernel.items.keys()])
      if (key.startsWith("element") || key.startsWith("link host br-")) host.kernel.items.delete(key);
    const again = await host.restart();
    assert.deepEqual(again.engine.describeSandbox(spec.containerId), before);
    assert.deepEqual(new Set(kernelOf(host).filter((line) => !line.startsWith("nftables table"))), items);
    await again.engine.close();
  }));

test("a restarted engine gives no address out that a container has, on the default bridge or another", () =>
  onHost(async (host, dir) => {
    await host.engine.createNetwork({ name: "blue" });
    const spec = sandboxSpec("a", dir, { on: ["bridge", "blue"] });
    await host.engine.declareSandbox(spec);
    await host.engine.openSandbox(spec.containerId);
    await host.engine.close();
    const again = await host.restart();
    const other = sandboxSpec("b", dir, { on: ["bridge", "blue"] });
    await again.engine.declareSandbox(other);
    await again.engine.openSandbox(other.containerId);
    assert.deepEqual(
      again.engine.describeSandbox(other.containerId).endpoints.map(({ ipv4 }) => ipv4),
      ["172.17.0.3", "172.18.0.3"],
    );
    await again.engine.close();
  }));

test("a container whose address no flag of the default bridge allows any more gets another", () =>
  onHost(async (host, dir) => {
    const spec = sandboxSpec("a", dir);
    await host.engine.declareSandbox(spec);
    await host.engine.openSandbox(spec.containerId);
    await host.engine.closeSandbox(spec.containerId);
    await host.engine.close();
    const config = { bridge: { name: "docker0", foreign: false, ipv6: false, bip: "10.9.0.1/24" } };
    const again = await fakeHost({ filesDir: dir, config }, host);
    await again.engine.openSandbox(spec.containerId);
    assert.equal(again.engine.describeSandbox(spec.containerId).endpoints[0]?.ipv4, "10.9.0.2");
    await again.engine.close();
  }));

test("the container's files say who and where it is, and an edited resolv.conf is left alone", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    const spec = sandboxSpec("a", dir, { hostname: "web", domainname: "lan", extraHosts: ["db:10.9.9.9", "gw:host-gateway"] });
    await engine.declareSandbox(spec);
    const view = await engine.openSandbox(spec.containerId);
    const hosts = readFileSync(view.hostsPath, "utf8");
    assert.match(hosts, /^10\.9\.9\.9\tdb$/m);
    assert.match(hosts, /^172\.17\.0\.1\tgw$/m);
    assert.match(hosts, /^172\.17\.0\.2\tweb\.lan web$/m);
    assert.equal(readFileSync(view.hostnamePath, "utf8"), "web\n");
    writeFileSync(view.resolvConfPath, "nameserver 9.9.9.9\n");
    await engine.closeSandbox(spec.containerId);
    await engine.openSandbox(spec.containerId);
    assert.equal(readFileSync(view.resolvConfPath, "utf8"), "nameserver 9.9.9.9\n");
  }));

test("`closeSandbox()` has written all of the container's files: its directory can be removed", () =>
  onHost(async ({ engine }, filesDir) => {
    await engine.createNetwork({ name: "blue" });
    const spec = sandboxSpec("web", filesDir, { on: ["blue"] });
    await engine.declareSandbox(spec);
    await engine.openSandbox(spec.containerId);
    await engine.closeSandbox(spec.containerId);
    const names = readdirSync(spec.filesDir).toSorted();
    assert.deepEqual(names, ["hostname", "hosts", "hosts.hash", "resolv.conf", "resolv.conf.hash"]);
  }));

test("a legacy link writes hosts and environment, and follows the linked container", () =>
  onHost(async ({ engine }, dir) => {
    const db = sandboxSpec("a", dir, { containerName: "db", exposed: ["5432/tcp"], environment: ["USER=pg", "PATH=/bin"] });
    const web = sandboxSpec("b", dir, { containerName: "web", links: ["db:database"] });
    for (const spec of [db, web]) await engine.declareSandbox(spec);
    await engine.openSandbox(db.containerId);
    const view = await engine.openSandbox(web.containerId);
    assert.match(readFileSync(view.hostsPath, "utf8"), /^172\.17\.0\.2\tdatabase a{12} db$/m);
    assert.deepEqual(view.environment, [
      "DATABASE_PORT=tcp://172.17.0.2:5432",
      "DATABASE_PORT_5432_TCP=tcp://172.17.0.2:5432",
      "DATABASE_PORT_5432_TCP_ADDR=172.17.0.2",
      "DATABASE_PORT_5432_TCP_PORT=5432",
      "DATABASE_PORT_5432_TCP_PROTO=tcp",
      "DATABASE_NAME=/web/database",
      "DATABASE_ENV_USER=pg",
    ]);
    await engine.closeSandbox(db.containerId);
    assert.doesNotMatch(readFileSync(view.hostsPath, "utf8"), /database/);
  }));

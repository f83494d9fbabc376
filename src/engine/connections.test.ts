import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { describeItem } from "#fabric";
import { type FakeHost, fakeLan, onHost, onLan, sandboxSpec } from "./testing.ts";
import type { NetworkSpec } from "./types.ts";

const network = (name: string, subnet: string): NetworkSpec => ({ name, ipam: { driver: "default", options: null, config: [{ subnet }] } });
const placesOf = ({ engine }: FakeHost, id: string) =>
  engine.describeSandbox(id).endpoints.map(({ networkName, ipv4 }) => [networkName, ipv4]);
const kernelOf = ({ kernel }: FakeHost) => [...kernel.items.values()].map(describeItem).sort();
const full = () => Promise.reject(new Error("the disk is full"));

test("`connect()` gives a stopped container no second place on a network that was made after it, or made anew", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    const spec = sandboxSpec("a", dir, { on: ["blue"] });
    await engine.declareSandbox(spec);
    // As Docker does: what was asked first of a network that was not there, and last of one that is another now.
    for (const address of ["10.1.0.2", "10.1.0.7"]) {
      await engine.createNetwork(network("blue", "10.1.0.0/24"));
      await engine.connect("blue", spec.containerId, { ipv4: "10.1.0.7" });
      await engine.openSandbox(spec.containerId);
      assert.deepEqual(placesOf(host, spec.containerId), [["blue", address]]);
      await engine.closeSandbox(spec.containerId);
      await engine.removeNetwork("blue");
    }
  }));

test("`declareSandbox()` refuses two places on one network, by its name and by its id", () =>
  onHost(async ({ engine }, dir) => {
    const { id } = await engine.createNetwork({ name: "blue" });
    await assert.rejects(engine.declareSandbox(sandboxSpec("a", dir, { on: ["blue", id] })), {
      category: "forbidden",
      message: "endpoint with name c-a already exists in network blue",
    });
  }));

test("`openSandbox()` that fails on a network made anew gives the new address back", () =>
  onHost(async (host, dir) => {
    const { engine } = host;
    const blue = network("blue", "10.1.0.0/24");
    await engine.createNetwork(blue);
    const ports = { "80/tcp": [{ hostIp: "", hostPort: "8080" }] };
    const [spec, rival] = [sandboxSpec("a", dir, { on: [["blue", { ipv4: "10.1.0.9" }]], ports }), sandboxSpec("b", dir, { ports })];
    for (const each of [spec, rival]) await engine.declareSandbox(each);
    await engine.openSandbox(spec.containerId);
    await engine.closeSandbox(spec.containerId);
    await engine.removeNetwork("blue");
    await engine.createNetwork(blue);
    await engine.openSandbox(rival.containerId);
    await assert.rejects(engine.openSandbox(spec.containerId), /port is already allocated/);
    await engine.closeSandbox(rival.containerId);
    await engine.openSandbox(spec.containerId);
    assert.deepEqual(placesOf(host, spec.containerId), [["blue", "10.1.0.9"]]);
  }));

test("`openSandbox()` probes the address a container gets on a LAN's network that was made anew", async () => {
  const probed: string[] = [];
  const nobody = async (address: string): Promise<undefined> => void probed.push(address);
  await onLan(fakeLan(nobody), async ({ engine }, dir) => {
    const lan = (subnet: string): NetworkSpec => ({ ...network("lan", subnet), driver: "macvlan", options: { parent: "eth0" } });
    await engine.createNetwork(lan("10.0.0.0/24"));
    const spec = sandboxSpec("a", dir, { on: ["lan"] });
    await engine.declareSandbox(spec);
    await engine.openSandbox(spec.containerId);
    await engine.closeSandbox(spec.containerId);
    await engine.removeNetwork("lan");
    await engine.createNetwork(lan("10.0.1.0/24"));
    await engine.openSandbox(spec.containerId);
    assert.equal(probed.at(-1), engine.describeSandbox(spec.containerId).endpoints[0]?.ipv4);
  });
});

test("`disconnect()` that cannot be recorded leaves the container its published ports", (t) =>
  onHost(async (host, dir) => {
    const { engine, store } = host;
    await engine.createNetwork({ name: "blue" });
    const ports = { "80/tcp": [{ hostIp: "", hostPort: "8080" }] };
    const [spec, rival] = [sandboxSpec("a", dir, { on: ["blue"], ports }), sandboxSpec("b", dir, { ports })];
    for (const each of [spec, rival]) await engine.declareSandbox(each);
    await engine.openSandbox(spec.containerId);
    const before = kernelOf(host);
    const commit = t.mock.method(store, "commit", full);
    await assert.rejects(engine.disconnect("blue", spec.containerId, false), /the disk is full/);
    commit.mock.restore();
    assert.deepEqual(kernelOf(host), before);
    await assert.rejects(engine.openSandbox(rival.containerId), /port is already allocated: it is published by container "c-a"/);
  }));

test("`declareSandbox()` that cannot be recorded takes no address of a LAN", async (t) => {
  await onLan(
    fakeLan(async () => undefined),
    async ({ engine, store }, dir) => {
      await engine.createNetwork({ ...network("lan", "10.0.0.0/24"), driver: "macvlan", options: { parent: "eth0" } });
      const spec = sandboxSpec("a", dir, { on: [["lan", { ipv4: "10.0.0.9" }]] });
      const commit = t.mock.method(store, "commit", full);
      await assert.rejects(engine.declareSandbox(spec), /the disk is full/);
      commit.mock.restore();
      const other = sandboxSpec("b", dir, { on: [["lan", { ipv4: "10.0.0.9" }]] });
      await engine.declareSandbox(other);
      await engine.openSandbox(other.containerId);
      assert.equal(engine.describeSandbox(other.containerId).endpoints[0]?.ipv4, "10.0.0.9");
    },
  );
});

test("`removeNetwork()` refuses a configuration network while one that takes from it is being made", () =>
  onHost(async ({ engine }) => {
    await engine.createNetwork({ name: "conf", configOnly: true });
    const making = engine.createNetwork({ name: "real", configFrom: "conf" });
    await assert.rejects(engine.removeNetwork("conf"), /configuration network "conf" is in use/);
    await making;
  }));

test("`openSandbox()` in the host's network leaves the container down when its files cannot be written", () =>
  onHost(async ({ engine }, dir) => {
    const spec = sandboxSpec("a", dir, { network: { mode: "host" }, on: [] });
    await engine.declareSandbox(spec);
    writeFileSync(spec.filesDir, "in the way");
    await assert.rejects(engine.openSandbox(spec.containerId));
    rmSync(spec.filesDir);
    const { hostsPath } = await engine.openSandbox(spec.containerId);
    assert.match(readFileSync(hostsPath, "utf8"), /localhost/);
  }));

test("`openSandbox()` gives a container without IPv4 the MAC it had", () =>
  onHost(async ({ engine }, dir) => {
    await engine.createNetwork({ name: "blue", ipv4: false, ipv6: true });
    const spec = sandboxSpec("a", dir, { on: ["blue"] });
    await engine.declareSandbox(spec);
    const macOf = async () => {
      await engine.openSandbox(spec.containerId);
      return engine.describeSandbox(spec.containerId).endpoints[0]?.mac;
    };
    const first = await macOf();
    await engine.closeSandbox(spec.containerId);
    assert.match(first ?? "", /^02:42:/);
    assert.equal(await macOf(), first);
  }));

test("`connect()` refuses an interface name that is loopback's", () =>
  onHost(async ({ engine }, dir) => {
    await engine.createNetwork({ name: "blue" });
    const spec = sandboxSpec("a", dir);
    await engine.declareSandbox(spec);
    await engine.openSandbox(spec.containerId);
    const driverOptions = { "com.docker.network.endpoint.ifname": "lo" };
    await assert.rejects(engine.connect("blue", spec.containerId, { driverOptions }), { category: "conflict", code: "ifname-in-use" });
  }));

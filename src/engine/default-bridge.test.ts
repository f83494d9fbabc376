import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST } from "#base";
import { describeItem } from "#fabric";
import { type FakeHost, fakeHost, onHost, sandboxSpec } from "./testing.ts";

/** The same host after a restart with `--bip`. */
async function withBip(host: FakeHost, filesDir: string, bip: string): Promise<FakeHost> {
  await host.engine.close();
  return fakeHost({ filesDir, config: { bridge: { name: "docker0", foreign: false, ipv6: false, bip } } }, host);
}
const subnetOf = ({ engine }: FakeHost, name = "bridge") => engine.findNetwork(name).ipam.config?.[0]?.subnet;
const addressOf = ({ engine }: FakeHost, id: string) => engine.describeSandbox(id).endpoints[0]?.ipv4;
const addressesOfBridge = ({ kernel }: FakeHost) =>
  [...kernel.items.values()].map(describeItem).filter((line) => / on docker0$/.test(line));

test("a default bridge with another address has not its former one", () =>
  onHost(async (host, dir) => {
    const again = await withBip(host, dir, "10.9.0.1/24");
    assert.deepEqual(addressesOfBridge(again), ["address 10.9.0.1/24 on docker0"]);
    await again.engine.createNetwork({ name: "blue" });
    assert.equal(subnetOf(again, "blue"), "172.17.0.0/16");
    assert.deepEqual(await again.store.list("trace/"), []);
    await again.engine.close();
  }));

test("the default bridge keeps its addresses while containers run on it, and has others at the first start after", () =>
  onHost(async (host, dir) => {
    const spec = sandboxSpec("a", dir);
    await host.engine.declareSandbox(spec);
    await host.engine.openSandbox(spec.containerId);
    const second = await withBip(host, dir, "10.9.0.1/24");
    assert.equal(subnetOf(second), "172.17.0.0/16");
    assert.deepEqual(addressesOfBridge(second), ["address 172.17.0.1/16 on docker0"]);
    await second.engine.closeSandbox(spec.containerId);
    await second.engine.openSandbox(spec.containerId);
    assert.equal(addressOf(second, spec.containerId), "172.17.0.2");
    await second.engine.closeSandbox(spec.containerId);
    const third = await withBip(second, dir, "10.9.0.1/24");
    await third.engine.openSandbox(spec.containerId);
    assert.equal(addressOf(third, spec.containerId), "10.9.0.2");
    assert.deepEqual(addressesOfBridge(third), ["address 10.9.0.1/24 on docker0"]);
    await third.engine.close();
  }));

test("`openSandbox()` gives a container another address when its network has another subnet by now", () =>
  onHost(async (host, dir) => {
    const spec = sandboxSpec("a", dir);
    await host.engine.declareSandbox(spec);
    await host.engine.openSandbox(spec.containerId);
    // `--bridge` names another device: the container is left as it is until it starts anew.
    await host.engine.close();
    const own0 = { name: "own0", index: 9, kind: "bridge", mtu: 1500, up: true, wireless: false, addresses: ["10.8.0.1/24"] };
    const again = await fakeHost({ filesDir: dir, links: [own0], config: { bridge: { name: "own0", foreign: true, ipv6: false } } }, host);
    host.kernel.items.set("link host own0", { type: "link", ns: HOST, name: "own0", data: { kind: "bridge" }, alias: "", up: true });
    await again.engine.closeSandbox(spec.containerId);
    await again.engine.openSandbox(spec.containerId);
    assert.equal(addressOf(again, spec.containerId), "10.8.0.2");
    await again.engine.close();
  }));

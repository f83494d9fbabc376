import assert from "node:assert/strict";
import { test } from "node:test";
import { describeItem } from "#fabric";
import { type FakeHost, fakeLan, onLan, sandboxSpec } from "./testing.ts";
import type { NetworkSpec } from "./types.ts";

const withAccess = (name: string, parent: string, address?: string): NetworkSpec => ({
  ...{ name, driver: "macvlan", options: { parent, "fairway.host_access": "true" } },
  ipam: {
    driver: "default",
    options: null,
    config: [{ subnet: "10.0.0.0/24", ...(address ? { auxiliary: { "fairway.host_access": address } } : {}) }],
  },
});
const kernelOf = ({ kernel }: FakeHost) => [...kernel.items.values()].map(describeItem).filter((line) => !/docker0/.test(line));

test("`createNetwork()` lets others go on while its LAN is asked, and keeps its name from them", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<undefined>();
  const probing = (): Promise<undefined> => {
    asked.resolve();
    return answer.promise;
  };
  await onLan(fakeLan(probing), async ({ engine }) => {
    const making = engine.createNetwork(withAccess("lan", "eth0"));
    await asked.promise;
    await engine.createNetwork({ name: "other" });
    await assert.rejects(engine.createNetwork({ name: "lan" }), { category: "conflict", message: "network with name lan already exists" });
    const passthru = { name: "pass", driver: "macvlan", options: { parent: "eth0", macvlan_mode: "passthru" } };
    await assert.rejects(engine.createNetwork(passthru), { code: "parent-in-use" });
    assert.throws(() => engine.findNetwork("lan"), { category: "notFound" });
    answer.resolve(undefined);
    const { id } = await making;
    assert.equal(engine.findNetwork("lan").id, id);
  });
});

test("`createNetwork()` makes a VLAN before it asks there, and takes it away when the user's address is somebody's", async () => {
  let seen: string[] = [];
  const there = Promise.withResolvers<FakeHost>();
  const taken = async (address: string) => {
    seen = kernelOf(await there.promise);
    return address === "10.0.0.9" ? "02:00:00:00:00:99" : undefined;
  };
  await onLan(fakeLan(taken), async (host) => {
    there.resolve(host);
    const before = kernelOf(host);
    await assert.rejects(host.engine.createNetwork(withAccess("lan", "eth0.10", "10.0.0.9")), {
      category: "forbidden",
      message: "Address already in use: 10.0.0.9 is held by 02:00:00:00:00:99 on the LAN",
    });
    assert.deepEqual(
      seen.filter((line) => !before.includes(line)),
      ["link eth0.10 (vlan)"],
    );
    assert.deepEqual(kernelOf(host), before);
    await host.engine.createNetwork(withAccess("lan", "eth0.10", "10.0.0.8"));
    assert.ok(kernelOf(host).some((line) => /address 10\.0\.0\.8\/32 on fw-/.test(line)));
    await host.engine.removeNetwork("lan");
    assert.deepEqual(kernelOf(host), before);
  });
});

test("`openSandbox()` uses the probe that began with the container's creation, and probes again when that is long ago", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const probed: string[] = [];
  const nobody = async (address: string): Promise<undefined> => void probed.push(address);
  await onLan(fakeLan(nobody), async ({ engine }, filesDir) => {
    await engine.createNetwork({ name: "lan", driver: "macvlan", options: { parent: "eth0" } });
    for (const [id, later] of [
      ["a", 1000],
      ["b", 60_000],
    ] as const) {
      const spec = sandboxSpec(id, filesDir, { on: ["lan"] });
      await engine.declareSandbox(spec);
      now += later;
      await engine.openSandbox(spec.containerId);
    }
  });
  const [first, second] = [...new Set(probed)];
  assert.deepEqual(probed, [first, second, second]);
});

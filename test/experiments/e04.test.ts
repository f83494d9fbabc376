import assert from "node:assert/strict";
import { test } from "node:test";
import { PINGS, pingFrom } from "./clients.ts";
import { HOST_ADDRESS, stage } from "./stage.ts";

test("E04 user-defined bridge: names, aliases and the host", async (t) => {
  const { host, docker } = await stage(t);
  const id = await docker("network create custom_network");
  await docker("run -itd --name demo-1 --network custom_network --network-alias first busybox");
  await docker("run -itd --name demo-2 --network custom_network --network-alias second busybox");

  await t.test("`docker network create` prints the id, and inspect the next /16", async () => {
    assert.match(id, /^[0-9a-f]{64}$/);
    const [network] = JSON.parse(await docker("network inspect custom_network"));
    assert.deepEqual([network.Name, network.Id, network.Driver, network.Scope], ["custom_network", id, "bridge", "local"]);
    assert.deepEqual(network.IPAM.Config, [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }]);
    const names = Object.values(network.Containers as Record<string, { Name: string }>).map(({ Name }) => Name);
    assert.deepEqual(names.sort(), ["demo-1", "demo-2"]);
    assert.match(await host.sh(`ip addr show br-${id.slice(0, 12)}`), /inet 172\.18\.0\.1\/16/);
  });

  await t.test("members ping each other by name and by alias", async () => {
    for (const [from, to] of [
      ["demo-1", "demo-2"],
      ["demo-1", "second"],
      ["demo-2", "demo-1"],
      ["demo-2", "first"],
      ["demo-2", "demo-1.custom_network"],
    ] as const) {
      assert.deepEqual(await pingFrom(host, from, to), PINGS, `${from} to ${to}`);
    }
    assert.match(await docker("exec demo-1 ping -c 1 demo-2"), /^PING demo-2 \(172\.18\.0\.3\): 56 data bytes$/m);
  });

  await t.test("members ping the host's own address and the gateway", async () => {
    assert.deepEqual(await pingFrom(host, "demo-1", HOST_ADDRESS), PINGS);
    assert.deepEqual(await pingFrom(host, "demo-1", "172.18.0.1"), PINGS);
  });

  await t.test("a network with members is not removed, an empty one is", async () => {
    const { stderr } = await host.docker("network rm custom_network", { allowFailure: true });
    assert.match(stderr, /error while removing network: network custom_network (id \S+ )?has active endpoints/);
    await docker("rm -f demo-1 demo-2");
    assert.equal(await docker("network rm custom_network"), "custom_network");
    assert.doesNotMatch(await host.sh("ip link"), /br-[0-9a-f]{12}|veth/);
  });
});

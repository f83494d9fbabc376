import assert from "node:assert/strict";
import { test } from "node:test";
import type { DhcpDoor } from "./options.ts";
import { type FakeHost, fakeLan, onLan, sandboxSpec } from "./testing.ts";

const SPEC = {
  name: "lan",
  driver: "macvlan",
  ipv6: true,
  options: { parent: "eth0" },
  ipam: { driver: "fairway-dhcp", options: null, config: [] },
};

/** A server that gives .100 and ::100, the next when those are declined, and writes down what it is asked. */
function fakeServer(asked: string[], advice?: Awaited<ReturnType<DhcpDoor["solicitRouter"]>>): Partial<DhcpDoor> {
  let last = 100;
  return {
    solicitRouter: async () => advice,
    acquireLease: async (family, { hostname, previous }) => {
      asked.push(`${previous ? "again" : "new"} ${family} ${hostname}`);
      const lease =
        family === 4 ? { address: `10.0.0.${last}`, cidr: `10.0.0.${last}/24`, router: "10.0.0.1" } : { address: `fd00::${last}` };
      return { lease: { ...lease, server: "10.0.0.1" }, confirmed: true };
    },
    giveLeaseBack: async (family, _, { address }, why) => {
      asked.push(`${why} ${family} ${address}`);
      if (why === "decline") last++;
    },
  };
}

const addressesOf = ({ engine }: FakeHost, id: string) => {
  const endpoint = engine.describeSandbox(id).endpoints.find(({ networkName }) => networkName === "lan");
  return [`${endpoint?.ipv4}/${endpoint?.ipv4Prefix}`, `${endpoint?.ipv6}/${endpoint?.ipv6Prefix}`];
};

test("`openSandbox()` has a lease of each family of the LAN's subnets, asks for the same again, and gives them back with the container", async () => {
  const asked: string[] = [];
  await onLan(
    fakeLan(async () => undefined, fakeServer(asked)),
    async (host, filesDir) => {
      await host.engine.createNetwork(SPEC);
      const spec = sandboxSpec("a", filesDir, { on: ["lan"] });
      await host.engine.declareSandbox(spec);
      await host.engine.openSandbox(spec.containerId);
      assert.deepEqual(addressesOf(host, spec.containerId), ["10.0.0.100/24", "fd00::100/64"]);
      assert.equal(host.engine.findNetwork("lan").ipam.config?.[0]?.gateway, "10.0.0.1", "the lease's router");
      await host.engine.closeSandbox(spec.containerId);
      await host.engine.openSandbox(spec.containerId);
      await host.engine.forgetSandbox(spec.containerId);
      assert.deepEqual(asked, ["new 4 c-a", "new 6 c-a", "again 4 c-a", "again 6 c-a", "release 4 10.0.0.100", "release 6 fd00::100"]);
      assert.deepEqual(await host.store.list("lease/"), []);
    },
  );
});

test("`openSandbox()` tells the server the host name that the user gave", async () => {
  const asked: string[] = [];
  const server = fakeServer(asked, { managed: false, autonomous: true });
  await onLan(
    fakeLan(async () => undefined, server),
    async (host, filesDir) => {
      await host.engine.createNetwork(SPEC);
      const spec = { ...sandboxSpec("a", filesDir, { on: ["lan"] }), hostname: "printer" };
      await host.engine.declareSandbox(spec);
      await host.engine.openSandbox(spec.containerId);
      assert.deepEqual(asked, ["new 4 printer"]);
    },
  );
});

test("`connect()` of a running container takes leases before it joins, and gives back what it cannot use", async () => {
  const asked: string[] = [];
  await onLan(
    fakeLan(async () => undefined, fakeServer(asked)),
    async (host, filesDir) => {
      await host.engine.createNetwork(SPEC);
      const spec = sandboxSpec("a", filesDir);
      await host.engine.declareSandbox(spec);
      await host.engine.openSandbox(spec.containerId);
      await host.engine.connect("lan", spec.containerId, {});
      assert.deepEqual(addressesOf(host, spec.containerId), ["10.0.0.100/24", "fd00::100/64"]);
      await host.engine.disconnect("lan", spec.containerId, false);
      const unusable = { driverOptions: { "com.docker.network.endpoint.ifname": "eth0" } };
      await assert.rejects(host.engine.connect("lan", spec.containerId, unusable), { code: "ifname-in-use" });
      const back = ["release 4 10.0.0.100", "release 6 fd00::100"];
      assert.deepEqual(asked, ["new 4 c-a", "new 6 c-a", ...back, "new 4 c-a", "new 6 c-a", ...back]);
      assert.deepEqual(await host.store.list("lease/"), []);
    },
  );
});

test("A lease that is lost is told with the address the container had last, not with that of its start", async () => {
  const server = fakeServer([], { managed: false, autonomous: true });
  const kept: Parameters<DhcpDoor["keepLease"]>[3][] = [];
  const keepLease: DhcpDoor["keepLease"] = (_family, _identity, _lease, callbacks) => {
    kept.push(callbacks);
    return { [Symbol.dispose]() {} };
  };
  await onLan(
    fakeLan(async () => undefined, { ...server, keepLease }),
    async (host, filesDir) => {
      await host.engine.createNetwork(SPEC);
      const spec = sandboxSpec("a", filesDir, { on: ["lan"] });
      await host.engine.declareSandbox(spec);
      await host.engine.openSandbox(spec.containerId);
      const told: unknown[] = [];
      host.engine.onEvent(({ action, attributes }) => action === "conflict" && told.push([attributes.address, attributes.lease]));
      kept[0]!.onLease({ address: "10.0.0.150", cidr: "10.0.0.150/24", server: "10.0.0.1" });
      while (addressesOf(host, spec.containerId)[0] !== "10.0.0.150/24") await new Promise((resolve) => setImmediate(resolve));
      kept[0]!.onLost("expired");
      assert.deepEqual(told, [["10.0.0.150", "expired"]]);
    },
  );
});

test("`openSandbox()` leases no IPv6 address where the router says that stations make their own", async () => {
  const asked: string[] = [];
  const server = fakeServer(asked, { managed: false, autonomous: true });
  await onLan(
    fakeLan(async () => undefined, server),
    async (host, filesDir) => {
      await host.engine.createNetwork(SPEC);
      const spec = sandboxSpec("a", filesDir, { on: ["lan"] });
      await host.engine.declareSandbox(spec);
      await host.engine.openSandbox(spec.containerId);
      assert.deepEqual(addressesOf(host, spec.containerId), ["10.0.0.100/24", "/0"]);
      assert.deepEqual(asked, ["new 4 c-a"]);
    },
  );
});

test("`openSandbox()` declines a leased address that somebody has", async () => {
  const asked: string[] = [];
  const holderOf = async (address: string) => (address === "10.0.0.100" ? "02:00:00:00:00:99" : undefined);
  await onLan(fakeLan(holderOf, fakeServer(asked, { managed: false, autonomous: true })), async (host, filesDir) => {
    await host.engine.createNetwork(SPEC);
    const spec = sandboxSpec("a", filesDir, { on: ["lan"] });
    await host.engine.declareSandbox(spec);
    await host.engine.openSandbox(spec.containerId);
    assert.equal(addressesOf(host, spec.containerId)[0], "10.0.0.101/24");
    assert.deepEqual(asked, ["new 4 c-a", "decline 4 10.0.0.100", "new 4 c-a"]);
  });
});

test("`LocalEngine.open()` drops leases of places that are gone, and keeps the others", async () => {
  await onLan(
    fakeLan(async () => undefined, fakeServer([])),
    async (host, filesDir) => {
      await host.engine.createNetwork(SPEC);
      const spec = sandboxSpec("a", filesDir, { on: ["lan"] });
      await host.engine.declareSandbox(spec);
      await host.engine.openSandbox(spec.containerId);
      await host.store.commit([{ op: "put", key: `lease/${spec.containerId}/gone/4`, value: { address: "10.0.0.9", server: "10.0.0.1" } }]);
      const again = await host.restart();
      const { id } = again.engine.findNetwork("lan");
      assert.deepEqual(
        (await host.store.list("lease/")).map(({ key }) => key),
        [4, 6].map((family) => `lease/${spec.containerId}/${id}/${family}`),
      );
      await again.engine.close();
    },
  );
});

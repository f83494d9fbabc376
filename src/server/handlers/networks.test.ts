import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "#api";
import { startFakeServer } from "../fakes/server.ts";

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer({ now: () => new Date("2026-11-21T12:00:00Z") });
  await fake.client.call("networkCreate", { body: { Name: "blue", Labels: { team: "a" } } });
  await fake.client.call("networkCreate", { body: { Name: "green", Driver: "macvlan" } });
});
after(() => fake.close());

const names = async (filters: Record<string, string[]>) =>
  (await fake.client.call("networkList", { query: { filters } })).map(({ Name }) => Name).sort();

test("networks are listed by every filter, alone and together", async () => {
  assert.deepEqual(await names({}), ["blue", "bridge", "green", "host", "none"]);
  assert.deepEqual(await names({ driver: ["macvlan"] }), ["green"]);
  assert.deepEqual(await names({ name: ["b"] }), ["blue", "bridge"]);
  assert.deepEqual(await names({ name: ["^b.*e$"], type: ["custom"] }), ["blue"]);
  assert.deepEqual(await names({ label: ["team=a"] }), ["blue"]);
  assert.deepEqual(await names({ type: ["builtin"] }), ["bridge", "host", "none"]);
  assert.deepEqual(await names({ dangling: ["true"] }), ["blue", "green"]);
  assert.deepEqual(await names({ dangling: ["0"] }), ["bridge", "host", "none"]);
  assert.deepEqual(await names({ scope: ["swarm"] }), []);
  const { id } = fake.engine.findNetwork("blue");
  assert.deepEqual(await names({ id: [id.slice(0, 12)] }), ["blue"]);
});

test("networks refuse filters in Docker's words", async () => {
  await assert.rejects(names({ bogus: ["x"] }), { category: "invalidParameter", message: "invalid filter 'bogus'" });
  await assert.rejects(names({ type: ["x"] }), { category: "internal", message: "invalid filter: 'type'='x'" });
  await assert.rejects(names({ dangling: ["x"] }), {
    message: `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
  });
  await assert.rejects(fake.client.call("networkInspect", { params: { id: "blue" }, query: { scope: "swarm" } }), {
    message: "network blue not found",
  });
});

test("network create hands the engine what was asked, EnableIPv4 only from API 1.48 on", async () => {
  const body = {
    Name: "x",
    EnableIPv4: false,
    EnableIPv6: true,
    Internal: true,
    ConfigFrom: { Network: "cfg" },
    IPAM: { Config: [{ Subnet: "fd00::/64" }] },
  };
  const spec = () => fake.engine.calls.findLast(([name]) => name === "createNetwork")![1] as Record<string, unknown>;
  await fake.client.call("networkCreate", { body });
  const ipam = { driver: "default", options: null, config: [{ subnet: "fd00::/64" }] };
  assert.deepEqual(spec(), { name: "x", ipv4: false, ipv6: true, internal: true, configFrom: "cfg", ipam });
  const old = new Client({ host: fake.host, version: "1.47" });
  await old.call("networkCreate", { body: { ...body, Name: "y" } });
  assert.ok(!("ipv4" in spec()));
  old.close();
  await fake.client.call("networkDelete", { params: { id: "x" } });
  await fake.client.call("networkDelete", { params: { id: "y" } });
});

test("connect and disconnect resolve the container, and force needs none", async () => {
  const { Id } = await fake.client.call("containerCreate", { body: { Image: "busybox" }, query: { name: "web" } });
  await fake.client.call("networkConnect", {
    params: { id: "blue" },
    body: {
      Container: "web",
      EndpointConfig: { IPAMConfig: { IPv4Address: "172.18.0.9" }, Aliases: ["w"], GwPriority: 5, DriverOpts: { a: "b" } },
    },
  });
  assert.deepEqual(fake.engine.calls.at(-1), [
    "connect",
    "blue",
    Id,
    { ipv4: "172.18.0.9", aliases: ["w"], gwPriority: 5, driverOptions: { a: "b" } },
  ]);
  await fake.client.call("networkDisconnect", { params: { id: "blue" }, body: { Container: "web" } });
  assert.deepEqual(fake.engine.calls.at(-1), ["disconnect", "blue", Id, false]);
  await assert.rejects(fake.client.call("networkDisconnect", { params: { id: "blue" }, body: { Container: "gone" } }), {
    category: "notFound",
  });
  await fake.client.call("networkDisconnect", { params: { id: "blue" }, body: { Container: "gone", Force: true } });
  assert.deepEqual(fake.engine.calls.at(-1), ["disconnect", "blue", "gone", true]);
});

test("prune keeps what filters hold back and names what it removed", async () => {
  const prune = (filters: Record<string, string[]>) => fake.client.call("networkPrune", { query: { filters } });
  assert.deepEqual(await prune({ label: ["team=b"] }), { NetworksDeleted: null });
  assert.deepEqual(await prune({ until: ["2000-01-01T00:00:00Z"] }), { NetworksDeleted: null });
  assert.deepEqual(await prune({ "label!": ["team"] }), { NetworksDeleted: ["green"] });
  await assert.rejects(prune({ driver: ["x"] }), { message: "invalid filter 'driver'" });
  assert.deepEqual(await prune({ until: ["1h"] }), { NetworksDeleted: ["blue"] });
});

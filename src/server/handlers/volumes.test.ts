import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { conflict, notFound } from "#base";
import { startFakeServer } from "../fakes/server.ts";
import type { VolumeDoor, VolumeFacts } from "../types.ts";

const held = new Set<string>(["used"]);
const all = new Map<string, VolumeFacts>();
const volumes: VolumeDoor = {
  list: () => [...all.values()],
  has: (name) => all.has(name),
  find(name) {
    const found = all.get(name);
    if (!found) throw notFound(`get ${name}: no such volume`);
    return found;
  },
  async create({ name = "f".repeat(64), labels = {} }) {
    const made = {
      name,
      created: "2026-11-21T07:29:31Z",
      driver: "local",
      mountpoint: `/v/${name}`,
      labels,
      options: null,
      anonymous: name.length === 64,
    };
    all.set(name, all.get(name) ?? made);
    return this.find(name);
  },
  async remove(name, users) {
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(", ")}]`);
    this.find(name);
    all.delete(name);
  },
  size: async () => 7,
};

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer({ volumes });
  Object.assign(fake.containers, { usersOfVolume: (name: string) => (held.has(name) ? ["web"] : []) });
});
after(() => fake.close());

test("volumes are made, listed, inspected and removed", async () => {
  const made = await fake.client.call("volumeCreate", { body: { Name: "used", Labels: { a: "b" } } });
  assert.deepEqual(made, {
    CreatedAt: "2026-11-21T07:29:31Z",
    Driver: "local",
    Labels: { a: "b" },
    Mountpoint: "/v/used",
    Name: "used",
    Options: null,
    Scope: "local",
  });
  await fake.client.call("volumeCreate", { body: { Name: "free" } });
  const names = async (filters: Record<string, string[]>) =>
    (await fake.client.call("volumeList", { query: { filters } })).Volumes.map(({ Name }) => Name);
  assert.deepEqual(await names({}), ["used", "free"]);
  assert.deepEqual(await names({ dangling: ["true"] }), ["free"]);
  assert.deepEqual(await names({ label: ["a=b"] }), ["used"]);
  await assert.rejects(fake.client.call("volumeDelete", { params: { name: "used" } }), {
    message: "remove used: volume is in use - [web]",
  });
  await assert.rejects(fake.client.call("volumeInspect", { params: { name: "zz" } }), { message: "get zz: no such volume" });
  const df = (await fake.client.call("systemDf", { query: { type: ["volume"] } })).Volumes as { UsageData: unknown }[];
  assert.deepEqual(df[0]?.UsageData, { Size: 7, RefCount: 1 });
});

test("volume prune spares named volumes from API 1.42 on unless told all, and volumes in use always", async () => {
  await fake.client.call("volumeCreate", { body: {} });
  assert.deepEqual(await fake.client.call("volumePrune"), { VolumesDeleted: ["f".repeat(64)], SpaceReclaimed: 7 });
  assert.deepEqual(await fake.client.call("volumePrune", { query: { filters: { all: ["1"] } } }), {
    VolumesDeleted: ["free"],
    SpaceReclaimed: 7,
  });
  const events = await Array.fromAsync(
    fake.client.lines("events", { query: { since: "0", until: String(Date.now() / 1000 + 0.05), filters: { type: ["volume"] } } }),
  );
  assert.deepEqual(
    events.map(({ Action }) => Action),
    ["create", "create", "create", "destroy", "prune", "destroy", "prune"],
  );
});

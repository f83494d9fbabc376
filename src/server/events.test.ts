import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { EventJson } from "#api";
import { startFakeServer } from "./fakes/server.ts";

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer();
});
after(() => fake.close());

const past = async (query: { since?: string; until?: string; filters?: Record<string, string[]> }): Promise<EventJson[]> =>
  Array.fromAsync(fake.client.lines("events", { query: { until: String(Date.now() / 1000 + 0.05), ...query } }));

test("events of every room come in one stream, in Docker's form", async () => {
  const stream = fake.client.lines("events", {});
  const first = stream.next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { Id: network } = await fake.client.call("networkCreate", { body: { Name: "blue" } });
  const event = (await first).value as EventJson;
  assert.deepEqual(
    { ...event, time: 0, timeNano: 0 },
    {
      Type: "network",
      Action: "create",
      Actor: { ID: network, Attributes: { name: "blue", type: "bridge" } },
      scope: "local",
      time: 0,
      timeNano: 0,
    },
  );
  const { Id: container } = await fake.client.call("containerCreate", { body: { Image: "busybox" }, query: { name: "web" } });
  const { value } = await stream.next();
  assert.equal((value as EventJson).status, "create");
  assert.equal((value as EventJson).id, container);
  assert.equal((value as EventJson).from, "busybox");
  fake.server.publish({ action: "reload", attributes: { debug: "true" } });
  const reload = (await stream.next()).value as EventJson;
  assert.deepEqual(
    [reload.Type, reload.Action, reload.Actor.Attributes.name, reload.Actor.Attributes.debug],
    ["daemon", "reload", "vm", "true"],
  );
  await stream.return(undefined);
});

test("`since` reaches back, `until` ends the stream, and nanoseconds are not rounded", async () => {
  const events = await past({ since: "0" });
  assert.deepEqual(
    events.map(({ Type, Action }) => `${Type} ${Action}`),
    ["network create", "container create", "daemon reload"],
  );
  const { body } = await fake.client.stream("events", { query: { since: "0", until: "9", filters: { type: ["network"] } } });
  assert.equal((await Array.fromAsync(body)).length, 0);
  await assert.rejects(fake.client.stream("events", { query: { since: "9", until: "8.5" } }), {
    category: "invalidParameter",
    message: "`since` time (9) cannot be after `until` time (8.5)",
  });
  const raw = await fake.client.stream("events", { query: { since: "0", until: String(Math.ceil(Date.now() / 1000)) } });
  const text = Buffer.concat(await Array.fromAsync(raw.body)).toString();
  assert.match(text, /"timeNano":\d{16}123}\n/);
});

test("filters choose by type, event, container, network, image and label", async () => {
  const kinds = async (filters: Record<string, string[]>) => (await past({ since: "0", filters })).map(({ Type }) => Type);
  assert.deepEqual(await kinds({ type: ["network"] }), ["network"]);
  assert.deepEqual(await kinds({ event: ["create"] }), ["network", "container"]);
  assert.deepEqual(await kinds({ container: ["web"] }), ["container"]);
  assert.deepEqual(await kinds({ container: ["we"] }), ["container"]);
  assert.deepEqual(await kinds({ container: ["eb"] }), []);
  assert.deepEqual(await kinds({ network: ["blue"] }), ["network"]);
  assert.deepEqual(await kinds({ image: ["busybox"] }), ["container"]);
  assert.deepEqual(await kinds({ label: ["name=blue"] }), ["network"]);
  assert.deepEqual(await kinds({ daemon: ["vm"] }), ["daemon"]);
  await assert.rejects(past({ filters: { bogus: ["x"] } }), { message: "invalid filter 'bogus'" });
});

test("streams leave no listener behind", async () => {
  const abort = new AbortController();
  const { body } = await fake.client.stream("events", { signal: abort.signal });
  body.on("error", () => {});
  assert.equal((await fake.client.call("info")).NEventsListener, 1);
  abort.abort();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await fake.client.call("info")).NEventsListener, 0);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type AnyEndpoint, endpoints } from "#api";
import { startFakeServer } from "./fakes/server.ts";

/** The table and the answers, held against moby's OpenAPI file of API 1.50 (fixtures/make-engine-api.py). */
interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  allOf?: Schema[];
  enum?: unknown[];
  "x-nullable"?: boolean;
}
const api: {
  operations: { method: string; path: string; id: string; query: string[]; success: number[] }[];
  definitions: Record<string, Schema>;
} = JSON.parse(readFileSync(new URL("./fixtures/engine-v1.50.json", import.meta.url), "utf8"));

/** Operations that are not in the table, and why. */
const NOT_SERVED: Readonly<Record<string, string>> = {
  ContainerAttachWebsocket: "no client but a browser uses it, and browsers have the web room",
};

/** Query parameters the table leaves out, and why. */
const NOT_READ: Readonly<Record<string, string>> = {
  "BuildPrune keep-storage": "there is no build cache",
  "BuildPrune reserved-space": "there is no build cache",
  "BuildPrune max-used-space": "there is no build cache",
  "BuildPrune min-free-space": "there is no build cache",
};

const ANSWERED_ALIKE = /^(Swarm|Node|Service|Task|Secret|Config|Plugin|GetPlugin)|^(VolumeUpdate|ImageBuild|Session)$/;
const table = Object.values(endpoints) as AnyEndpoint[];
const shape = (path: string) => path.replace(/\{\w+\}/g, "{}");
const find = (method: string, path: string) => table.find((entry) => entry.method === method && shape(entry.path) === shape(path));

test("every operation of the Engine API is in the table or left out for a reason", () => {
  const missing = api.operations.filter(({ method, path, id }) => !find(method, path) && !(id in NOT_SERVED)).map(({ id }) => id);
  assert.deepEqual(missing, []);
  const served = Object.keys(NOT_SERVED).filter((name) => api.operations.some(({ id, method, path }) => id === name && find(method, path)));
  assert.deepEqual(served, [], "left out and yet in the table");
});

test("every endpoint of the table names its operation, and reads its query parameters", () => {
  for (const { method, path, id, query, success } of api.operations) {
    const entry = find(method, path);
    if (!entry) continue;
    assert.equal(entry.doc, id, `${method} ${path}`);
    if (ANSWERED_ALIKE.test(id)) continue;
    const unread = query.filter((name) => !(name in entry.query) && !(`${id} ${name}` in NOT_READ));
    assert.deepEqual(unread, [], id);
    if (entry.reply.kind !== "hijack") assert.ok(success.includes(entry.reply.status), `${id} answers ${entry.reply.status}`);
  }
});

/** @returns what does not fit, as `path: reason` */
function misfits(value: unknown, schema: Schema, path: string): string[] {
  if (schema.$ref) return misfits(value, api.definitions[schema.$ref.split("/").at(-1)!]!, path);
  if (schema.allOf) return schema.allOf.flatMap((part) => misfits(value, part, path));
  if (value === null) {
    // Go writes an unset slice or map as null; moby's file marks only some of them.
    return schema["x-nullable"] || schema.type === "array" || schema.type === "object" ? [] : [`${path}: null`];
  }
  const kind = Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
  if (schema.type && schema.type !== kind && !(schema.type === "number" && kind === "integer"))
    return [`${path}: ${kind}, want ${schema.type}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${path}: ${JSON.stringify(value)} is none of ${schema.enum}`];
  if (Array.isArray(value)) return value.flatMap((item, index) => misfits(item, schema.items ?? {}, `${path}[${index}]`));
  if (typeof value !== "object") return [];
  const found = (schema.required ?? []).filter((name) => !(name in value)).map((name) => `${path}.${name}: missing`);
  for (const [name, item] of Object.entries(value)) {
    const inner = schema.properties?.[name] ?? schema.additionalProperties;
    if (inner === undefined && schema.properties) found.push(`${path}.${name}: not in the schema`);
    else if (typeof inner === "object") found.push(...misfits(item, inner, `${path}.${name}`));
  }
  return found;
}

const fits = (value: unknown, name: string) => assert.deepEqual(misfits(value, { $ref: name }, name), []);

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer();
});
after(() => fake.close());

test("answers of the network endpoints fit their schemas", async () => {
  const body = {
    Name: "blue",
    Labels: { a: "b" },
    Options: { "com.docker.network.driver.mtu": "1400" },
    IPAM: {
      Config: [
        { Subnet: "10.0.0.0/24", IPRange: "10.0.0.0/25", Gateway: "10.0.0.1", AuxiliaryAddresses: { b: "10.0.0.3", a: "10.0.0.2" } },
      ],
    },
  };
  const made = await fake.client.call("networkCreate", { body });
  fits(made, "NetworkCreateResponse");
  for (const network of await fake.client.call("networkList")) fits(network, "Network");
  const { id } = fake.engine.findNetwork("blue");
  const at = fake.engine.networks.findIndex((network) => network.id === id);
  const endpoint = {
    containerId: "c".repeat(64),
    containerName: "web",
    endpointId: "e".repeat(64),
    mac: "02:42:0a:00:00:02",
    ipv4: "10.0.0.2/24",
    ipv6: "",
  };
  fake.engine.networks[at] = { ...fake.engine.networks[at]!, endpoints: [endpoint] };
  const seen = await fake.client.call("networkInspect", { params: { id: "blue" } });
  fits(seen, "Network");
  assert.deepEqual(seen.Containers["c".repeat(64)], {
    Name: "web",
    EndpointID: "e".repeat(64),
    MacAddress: endpoint.mac,
    IPv4Address: "10.0.0.2/24",
    IPv6Address: "",
  });
  assert.deepEqual(Object.keys(seen.IPAM.Config![0]!.AuxiliaryAddresses!), ["a", "b"]);
  fits(await fake.client.call("networkPrune"), "NetworkPruneResponse");
});

test("answers of system and image endpoints fit their schemas", async () => {
  fits(await fake.client.call("version"), "SystemVersion");
  fits(await fake.client.call("info"), "SystemInfo");
  for (const image of await fake.client.call("imageList")) fits(image, "ImageSummary");
  fits(await fake.client.call("imageInspect", { params: { name: "busybox" } }), "ImageInspect");
  for await (const event of fake.client.lines("events", { query: { since: "0", until: String(Date.now() / 1000) } }))
    fits(event, "EventMessage");
});

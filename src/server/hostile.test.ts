import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { type AnyEndpoint, endpoints } from "#api";
import { startFakeServer } from "./fakes/server.ts";

/** Hostile clients: whatever they send, the answer is a clear 4xx (or what the fakes say) and the next client is served. */
const logged: string[] = [];
let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  const note = (message: string, fields?: object) => logged.push(`${message} ${JSON.stringify(fields)}`);
  fake = await startFakeServer({ log: { debug() {}, info() {}, warn() {}, error: note } });
});
after(() => fake.close());

/** Numbers that look random and are the same every run (a linear congruential generator, constants of Numerical Recipes). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const KEYS = [
  "Name",
  "Image",
  "Cmd",
  "Env",
  "HostConfig",
  "PortBindings",
  "80/tcp",
  "NetworkingConfig",
  "EndpointsConfig",
  "IPAM",
  "Config",
  "Subnet",
  "Container",
  "EndpointConfig",
  "IPAMConfig",
  "Labels",
  "Options",
  "__proto__",
  "constructor",
  "toString",
  "Sysctls",
  "Detach",
  "ConsoleSize",
  "Tty",
  "MacAddress",
];

function junk(next: (below: number) => number, depth = 0): unknown {
  const scalars = [null, true, 0, -1, 1e21, 0.5, "", "x", "..", "\u0000", "💥", "a".repeat(300), "net.ipv4.conf.eth0.x"];
  const choice = next(depth > 4 ? scalars.length : scalars.length + 8);
  if (choice < scalars.length) return scalars[choice];
  const size = next(4);
  if (choice % 3 === 0) return Array.from({ length: size }, () => junk(next, depth + 1));
  return Object.fromEntries(Array.from({ length: size + 1 }, () => [KEYS[next(KEYS.length)]!, junk(next, depth + 1)]));
}

function ask(method: string, path: string, body: string | undefined): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const call = request({ socketPath: fake.socket, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (data) => (text += data));
      // A stream that goes on, as events, is an answer too.
      const timer = setTimeout(() => response.destroy(), 100);
      response.on("close", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text });
      });
      response.on("error", () => {});
    });
    call.on("error", reject).setTimeout(5000, () => call.destroy(new Error(`${method} ${path} hangs`)));
    call.end(body);
  });
}

test("no endpoint fails or hangs on junk in path, query and body", { timeout: 120_000 }, async () => {
  const next = generator(7);
  const odd = ["x", "%2e%2e", "%00", "%F0%9F%92%A5", "a%2Fb", "a".repeat(3000)];
  for (const [name, endpoint] of Object.entries(endpoints) as [string, AnyEndpoint][]) {
    // These answer with streams that last as long as the container; a fake one runs for ever.
    if (name === "events" || name === "execStart") continue;
    for (let round = 0; round < 12; round++) {
      const path = endpoint.path.replace(/\{\w+\}/g, () => odd[next(odd.length)]!);
      const search = new URLSearchParams(Object.keys(endpoint.query).map((key) => [key, String(JSON.stringify(junk(next, 4)))]));
      if (next(2) === 0) search.set("filters", JSON.stringify(junk(next, 2)) ?? "");
      const body = endpoint.method === "GET" || endpoint.method === "HEAD" ? undefined : JSON.stringify(junk(next));
      const { status, text } = await ask(endpoint.method, `/v1.50${path}?${search}`, body);
      assert.ok(
        status < 500 || status === 501 || status === 503 || text.includes("invalid filter: 'type'"),
        `${name}: ${status} ${text} ${search} ${body}`,
      );
      if (status >= 400 && endpoint.method !== "HEAD") assert.equal(typeof JSON.parse(text).message, "string");
    }
  }
  assert.deepEqual(logged, []);
  assert.equal((await ask("GET", "/_ping", undefined)).text, "OK");
});

test("bytes that are no HTTP, cut anywhere, leave the server serving", async () => {
  const next = generator(11);
  const whole =
    'POST /v1.50/networks/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"Name":"z"}';
  const attack = (bytes: Buffer) =>
    new Promise<void>((resolve) => {
      const socket = connect(fake.socket, () => socket.end(bytes));
      socket
        .on("error", () => {})
        .on("close", () => resolve())
        .resume();
      setTimeout(() => socket.destroy(), 20);
    });
  const rounds = Array.from({ length: 200 }, () => {
    const bytes = Buffer.from(whole).subarray(0, next(whole.length));
    for (let flips = next(4); flips > 0 && bytes.length > 0; flips--) bytes[next(bytes.length)] = next(256);
    return attack(bytes);
  });
  await Promise.all(rounds);
  assert.equal((await ask("GET", "/_ping", undefined)).text, "OK");
  assert.deepEqual(logged, []);
});

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { startFakeServer } from "./fakes/server.ts";

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer({
    extensions: {
      "GET /fairway/doctor": async ({ query }) => ({ ok: true, deep: query.get("deep") }),
      "POST /fairway/drift": async ({ body }) => ({ got: body }),
    },
  });
});
after(() => fake.close());

/** One raw exchange; ends when the server closes the connection, which may be before everything was written. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(fake.socket, () => socket.write(text));
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", () => {});
  });
}

async function ask(method: string, path: string, options: { body?: string; type?: string } = {}) {
  const { body, type } = options;
  const head = [`${method} ${path} HTTP/1.1`, "Host: d", "Connection: close"];
  if (type !== undefined) head.push(`Content-Type: ${type}`);
  if (body !== undefined) head.push(`Content-Length: ${Buffer.byteLength(body)}`);
  const answer = await raw(`${head.join("\r\n")}\r\n\r\n${body ?? ""}`);
  const [headers = "", text = ""] = answer.split("\r\n\r\n", 2);
  return { status: Number(answer.split(" ", 2)[1]), headers: headers.toLowerCase(), text };
}

const json = (body: unknown) => ({ body: JSON.stringify(body), type: "application/json" });
const refused = async (status: number, message: string, method: string, path: string, options?: Parameters<typeof ask>[2]) => {
  const answer = await ask(method, path, options);
  assert.deepEqual({ status: answer.status, text: answer.text }, { status, text: `${JSON.stringify({ message })}\n` });
};

test("the server answers ping by GET and HEAD with the headers clients negotiate by", async () => {
  for (const method of ["GET", "HEAD"]) {
    const { status, headers, text } = await ask(method, "/_ping");
    assert.equal(status, 200);
    assert.equal(text, method === "GET" ? "OK" : "");
    for (const line of [
      "api-version: 1.50",
      "docker-experimental: false",
      "ostype: linux",
      "server: fairway/0.1.0 (linux)",
      "builder-version: 1",
      "swarm: inactive",
    ])
      assert.ok(headers.includes(line), line);
  }
});

test("the server refuses versions, paths and methods it does not have", async () => {
  await refused(400, "client version 1.99 is too new. Maximum supported API version is 1.50", "GET", "/v1.99/info");
  await refused(
    400,
    "client version 1.10 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
    "GET",
    "/v1.10/info",
  );
  await refused(404, "page not found", "GET", "/nope");
  await refused(404, "page not found", "POST", "/v1.24/networks/prune");
  await refused(405, "method DELETE is not allowed for /info", "DELETE", "/info");
  await refused(400, 'invalid URL escape in "/networks/%zz"', "GET", "/networks/%zz");
  assert.equal((await ask("GET", "/v1.24/info")).status, 200);
});

test("the server refuses bad bodies in Docker's words and goes on serving", async () => {
  const at = ["POST", "/v1.50/networks/create"] as const;
  await refused(400, "unsupported Content-Type header (text/plain): must be 'application/json'", ...at, { body: "{}", type: "text/plain" });
  await refused(400, "invalid JSON: got EOF while reading request body", ...at);
  await refused(400, "invalid JSON: invalid character 'z' looking for beginning of value", ...at, {
    body: "zzz",
    type: "application/json",
  });
  await refused(400, "unexpected content after JSON", ...at, { body: '{"Name":"x"} y', type: "application/json; charset=utf-8" });
  await refused(
    400,
    "invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Name of type string",
    ...at,
    json({ Name: 1 }),
  );
  await refused(400, "invalid name: name is empty", ...at, json({}));
  await refused(400, "request body is too large: it may have at most 4194304 bytes", ...at, json({ Name: "x".repeat(10 << 20) }));
  assert.equal(fake.engine.networks.length, 3);
  assert.equal((await ask("GET", "/_ping")).text, "OK");
});

test("the server refuses a chunked body above the limit without reading it all", async () => {
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  const answer = await raw(
    `POST /networks/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(80)}0\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1.1 400 /);
  assert.match(answer, /too large/);
});

test("the server answers what is no HTTP with 400 and closes", async () => {
  assert.match(await raw("GARBAGE\r\n\r\n"), /^HTTP\/1.1 400 Bad Request\r\n.*malformed HTTP request/s);
  assert.match(await raw(`GET / HTTP/1.1\r\nX: ${"y".repeat(2 << 20)}\r\n\r\n`), /^(HTTP\/1.1 431|$)/);
});

test("the server survives a client that stops in the middle of a body", async () => {
  const socket = connect(fake.socket);
  socket.write("POST /networks/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  assert.equal((await ask("GET", "/_ping")).status, 200);
});

test("the server maps reference errors and takes unicode names", async () => {
  await refused(404, "network nope not found", "GET", "/networks/nope");
  await refused(404, "No such container: zz", "POST", "/networks/bridge/connect", json({ Container: "zz" }));
  await refused(400, "invalid container name or ID: value is empty", "POST", "/networks/bridge/connect", json({}));
  await refused(403, "bridge is a pre-defined network and cannot be removed", "DELETE", "/networks/bridge");
  await refused(409, "network with name bridge already exists", "POST", "/networks/create", json({ Name: "bridge" }));
  const made = await ask("POST", "/networks/create", json({ Name: "größe 網路" }));
  assert.equal(made.status, 201);
  const seen = await ask("GET", `/networks/${encodeURIComponent("größe 網路")}`);
  assert.equal(JSON.parse(seen.text).Name, "größe 網路");
  assert.equal((await ask("DELETE", `/networks/${encodeURIComponent("größe 網路")}`)).status, 204);
});

test("the server refuses swarm in Docker's words and has no plugins", async () => {
  const words =
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
  for (const path of ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"]) await refused(503, words, "GET", path);
  await refused(503, "This node is not part of a swarm", "POST", "/swarm/leave");
  assert.equal((await ask("GET", "/plugins")).text, "[]\n");
  assert.equal((await ask("POST", "/build/prune")).text, '{"CachesDeleted":null,"SpaceReclaimed":0}\n');
});

test("the server serves extensions beside Docker's paths", async () => {
  assert.equal((await ask("GET", "/v1.41/fairway/doctor?deep=1")).text, '{"ok":true,"deep":"1"}\n');
  assert.equal((await ask("POST", "/fairway/drift", json({ repair: true }))).text, '{"got":{"repair":true}}\n');
  assert.equal((await ask("POST", "/fairway/drift", { body: "{", type: "application/json" })).status, 400);
});

test("`close()` ends open streams and removes the socket", async () => {
  const other = await startFakeServer();
  const { body } = await other.client.stream("events");
  const ended = new Promise<void>((resolve) =>
    body
      .on("close", resolve)
      .on("error", () => {})
      .resume(),
  );
  await other.close();
  await ended;
  await assert.rejects(other.client.call("info"), { code: "no-daemon" });
});

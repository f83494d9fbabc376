import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, decodeStdFrames } from "#api";
import { startFakeServer } from "./fakes/server.ts";

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer();
});
after(() => fake.close());

async function container(body: Record<string, unknown>): Promise<string> {
  const { Id } = await fake.client.call("containerCreate", { body: { Image: "busybox", ...body } });
  return Id;
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(source)).toString();
}

const frames = (source: AsyncIterable<Uint8Array>) =>
  Array.fromAsync(decodeStdFrames(source), ({ stream, data }) => `${stream}:${Buffer.from(data)}`);

const everything = { stream: true, stdin: true, stdout: true, stderr: true };

test("attach upgrades, frames the output and ends stdin on the client's half-close", async () => {
  const id = await container({ Cmd: ["cat"], OpenStdin: true });
  await fake.client.call("containerStart", { params: { id } });
  const { socket, multiplexed } = await fake.client.hijack("containerAttach", { params: { id }, query: everything });
  assert.equal(multiplexed, true);
  socket.write("hello");
  await sleep(20);
  socket.end("world");
  assert.deepEqual(await frames(socket), ["stdout:hello", "stdout:world"]);
  assert.ok(fake.containers.detached.includes(id));
});

test("attach with a tty is raw, and so is its content type; before API 1.42 there is only one type", async () => {
  const tty = await container({ Cmd: ["cat"], Tty: true });
  await fake.client.call("containerStart", { params: { id: tty } });
  const raw = await fake.client.hijack("containerAttach", { params: { id: tty }, query: everything });
  assert.equal(raw.multiplexed, false);
  raw.socket.end("typed");
  assert.equal(await textOf(raw.socket), "typed");

  const old = new Client({ host: fake.host, version: "1.41" });
  const id = await container({ Cmd: ["echo", "hi"] });
  await fake.client.call("containerStart", { params: { id } });
  const { socket, multiplexed } = await old.hijack("containerAttach", { params: { id }, query: everything });
  assert.equal(multiplexed, false);
  assert.deepEqual(await frames(socket), ["stdout:hi\n"]);
  old.close();
});

/** A connection that speaks the form of before upgrades: a plain 200, then the stream. */
async function oldAttach(path: string, body = ""): Promise<{ socket: Socket; head: string }> {
  const socket = connect(fake.socket);
  const type = body === "" ? "" : "Content-Type: application/json\r\n";
  socket.write(`POST ${path} HTTP/1.1\r\nHost: d\r\n${type}Content-Length: ${body.length}\r\n\r\n${body}`);
  let read = "";
  while (!read.includes("\r\n\r\n")) {
    await once(socket, "readable");
    read += (socket.read() as Buffer | null)?.toString() ?? "";
  }
  const [head = "", rest = ""] = read.split("\r\n\r\n", 2);
  if (rest !== "") socket.unshift(Buffer.from(rest));
  return { socket, head };
}

test("attach without upgrade takes the connection over after a 200, input included", async () => {
  const id = await container({ Cmd: ["cat"], Tty: true });
  await fake.client.call("containerStart", { params: { id } });
  const { socket, head } = await oldAttach(`/v1.41/containers/${id}/attach?stream=1&stdin=1&stdout=1`);
  assert.match(head, /^HTTP\/1.1 200 OK\r\n.*Content-Type: application\/vnd.docker.raw-stream/s);
  socket.write("POST / HTTP/1.1 is no request here\r\n\r\n");
  await sleep(20);
  socket.end("bye");
  assert.equal(await textOf(socket), "POST / HTTP/1.1 is no request here\r\n\r\nbye");
});

test("exec start carries a body and an upgrade in one request, and detaches with 200", async () => {
  const id = await container({ Cmd: ["sleep"] });
  await fake.client.call("containerStart", { params: { id } });
  const { Id } = await fake.client.call("execCreate", { params: { id }, body: { Cmd: ["echo", "yo"], AttachStdout: true } });
  const { socket } = await fake.client.hijack("execStart", { params: { id: Id }, body: { Detach: false, Tty: false } });
  assert.deepEqual(await frames(socket), ["stdout:yo\n", "stderr:err\n"]);
  assert.equal((await fake.client.call("execInspect", { params: { id: Id } })).ExitCode, 0);

  const other = await fake.client.call("execCreate", { params: { id }, body: { Cmd: ["cat"] } });
  const answer = await fake.client.stream("execStart", { params: { id: other.Id }, body: { Detach: true } });
  assert.equal(answer.status, 200);
  assert.equal(await textOf(answer.body), "");
  const { socket: old } = await oldAttach(`/exec/${Id}/start`, "{}");
  assert.deepEqual(await frames(old), ["stdout:yo\n", "stderr:err\n"]);
});

test("attach and exec refuse with a status before they upgrade", async () => {
  await assert.rejects(fake.client.hijack("containerAttach", { params: { id: "nope" } }), {
    category: "notFound",
    message: "No such container: nope",
  });
  await assert.rejects(fake.client.hijack("execStart", { params: { id: "nope" }, body: {} }), { message: "No such exec instance: nope" });
  const id = await container({ Cmd: ["sleep"] });
  await assert.rejects(fake.client.call("execCreate", { params: { id }, body: {} }), { message: "no exec command specified" });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries++) await sleep(10);
  assert.ok(holds(), "it never came to hold");
}

test("a client that vanishes is detached, from attach, logs and events alike", async () => {
  const id = await container({ Cmd: ["sleep"] });
  await fake.client.call("containerStart", { params: { id } });
  const { socket } = await fake.client.hijack("containerAttach", { params: { id }, query: everything });
  (socket as Duplex).destroy();
  await until(() => fake.containers.detached.includes(id));

  const other = await container({ Cmd: ["sleep"] });
  await fake.client.call("containerStart", { params: { id: other } });
  const { output } = fake.containers.all.get(other)!;
  const logs = await fake.client.stream("containerLogs", { params: { id: other }, query: { stdout: true, follow: true } });
  logs.body.on("error", () => {}).destroy();
  await until(() => output.returned > 0);
});

test("logs are framed, raw with a tty, and want a stream", async () => {
  const id = await container({ Cmd: ["echo"] });
  const { body, headers } = await fake.client.stream("containerLogs", {
    params: { id },
    query: { stdout: true, stderr: true, tail: "5", since: "1.5" },
  });
  assert.equal(headers["content-type"], "application/vnd.docker.multiplexed-stream");
  assert.deepEqual(await frames(body), ["stdout:one\n", "stderr:two\n"]);
  const [, , options] = fake.containers.calls.findLast(([name]) => name === "logs") as [string, string, Record<string, unknown>];
  assert.deepEqual({ tail: options.tail, since: options.since, follow: options.follow }, { tail: 5, since: 1.5, follow: false });
  await assert.rejects(fake.client.call("containerLogs", { params: { id } }), {
    message: "Bad parameters: you must choose at least one stream",
  });
});

test("wait sends its headers at once and its answer when the container ends", async () => {
  const id = await container({ Cmd: ["sleep"] });
  await fake.client.call("containerStart", { params: { id } });
  const { status, body } = await fake.client.stream("containerWait", { params: { id }, query: { condition: "next-exit" } });
  assert.equal(status, 200);
  fake.containers.exit(id, 3);
  assert.deepEqual(JSON.parse(await textOf(body)), { StatusCode: 3 });
  await assert.rejects(fake.client.call("containerWait", { params: { id }, query: { condition: "zz" } }), {
    message: 'invalid condition: "zz"',
  });
});

test("start of a running container is 304 without a body", async () => {
  const id = await container({ Cmd: ["sleep"] });
  await fake.client.call("containerStart", { params: { id } });
  await assert.rejects(fake.client.call("containerStart", { params: { id } }), { category: "notModified" });
});

test("a slow client holds the source back rather than the daemon's memory", async () => {
  const { body } = await fake.client.stream("imageGet", { params: { name: "busybox" } });
  await sleep(50);
  assert.equal(
    (await Array.fromAsync(body)).reduce((sum, chunk) => sum + chunk.length, 0),
    8 << 16,
  );
});

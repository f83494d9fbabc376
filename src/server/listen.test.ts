import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLog } from "#base";
import { startFakeServer } from "./fakes/server.ts";
import { checkTcpSafety, clearStaleSocket, groupId, parseHost } from "./listen.ts";

const directory = mkdtempSync(join(tmpdir(), "fairway-listen-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("`parseHost()` takes every form of -H and says what is wrong with others", () => {
  assert.deepEqual(parseHost("unix:///a/b", false), { kind: "unix", path: "/a/b" });
  assert.deepEqual(parseHost("tcp://127.0.0.1:1234", false), { kind: "tcp", host: "127.0.0.1", port: 1234 });
  assert.deepEqual(parseHost("tcp://[::1]:1234", true), { kind: "tcp", host: "::1", port: 1234 });
  assert.deepEqual(parseHost("tcp://", true), { kind: "tcp", host: "0.0.0.0", port: 2376 });
  assert.deepEqual(parseHost("tcp://:2375", false), { kind: "tcp", host: "127.0.0.1", port: 2375 });
  assert.throws(() => parseHost("fd://", false), /use unix:\/\/\/path in place of fd:\/\//);
  assert.throws(() => parseHost("npipe://x", false), /invalid bind address/);
  assert.throws(() => parseHost("tcp://a:99999", false), /above 65535/);
  assert.throws(() => parseHost(`unix:///${"x".repeat(120)}`, false), /at most 107 bytes/);
});

test("`checkTcpSafety()` lets only loopback go without TLS, after a warning", () => {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => warnings.push(message) };
  checkTcpSafety({ kind: "tcp", host: "127.0.0.1", port: 1 }, false, log);
  assert.equal(warnings.length, 1);
  assert.throws(() => checkTcpSafety({ kind: "tcp", host: "0.0.0.0", port: 1 }, false, log), { code: "tcp-without-tls" });
  assert.throws(() => checkTcpSafety({ kind: "tcp", host: "127.evil.example", port: 1 }, false, log), { code: "tcp-without-tls" });
  checkTcpSafety({ kind: "tcp", host: "0.0.0.0", port: 1 }, true, log);
});

test("`clearStaleSocket()` removes a dead socket and spares a live one and other files", async () => {
  const path = join(directory, "a.sock");
  await clearStaleSocket(path);
  const live = createNetServer();
  await new Promise<void>((resolve) => live.listen(path, resolve));
  await assert.rejects(clearStaleSocket(path), { code: "socket-in-use" });
  await new Promise((resolve) => live.close(resolve));
  const plain = join(directory, "plain");
  writeFileSync(plain, "x");
  await assert.rejects(clearStaleSocket(plain), { code: "not-a-socket" });
  assert.ok(statSync(plain).isFile());
});

test("`groupId()` reads names and numbers", () => {
  assert.equal(groupId("root"), 0);
  assert.equal(groupId("4711"), 4711);
  assert.equal(groupId("no-such-group-here"), undefined);
});

test("`listen()` makes the socket 0660, refuses a live one and opens all hosts or none", async () => {
  const fake = await startFakeServer();
  try {
    assert.equal(statSync(fake.socket).mode & 0o777, 0o660);
    await assert.rejects(
      startFakeServer().then((other) => other.server.listen([fake.host]).finally(() => other.close())),
      { code: "socket-in-use" },
    );
    assert.equal((await fake.client.call("networkList")).length, 3);
  } finally {
    await fake.close();
  }
  assert.equal(statSync(fake.socket, { throwIfNoEntry: false }), undefined);
});

test("`listen()` gives the socket to the group asked for and refuses an unknown one", async () => {
  await assert.rejects(startFakeServer({ group: "no-such-group-here" }), { code: "no-such-group" });
});

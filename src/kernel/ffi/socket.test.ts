import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  AF_UNIX,
  Errno,
  errnoName,
  errnoText,
  FileDescriptor,
  inetAddress,
  isErrno,
  openTcp,
  openUdp,
  SOCK_SEQPACKET,
  Socket,
  SystemError,
  unixAddress,
  unixSeqpacket,
} from "./mod.ts";

test("`SystemError` says what was attempted and why it failed", () => {
  assert.throws(
    () => FileDescriptor.open("/nonexistent"),
    (error) => {
      assert.ok(error instanceof SystemError);
      assert.equal(error.message, "open /nonexistent: No such file or directory (ENOENT)");
      assert.deepEqual([error.errno, error.errnoName, error.category, error.code], [2, "ENOENT", "internal", "enoent"]);
      return true;
    },
  );
});

test("`errnoName()` names every errno, and numbers what has no name", () => {
  for (const [name, value] of Object.entries(Errno)) assert.equal(errnoName(value), name);
  assert.equal(errnoText(17), "File exists");
  assert.equal(errnoName(9999), "errno 9999");
});

test("`FileDescriptor` closes once, and not what was detached", () => {
  const file = FileDescriptor.open("/dev/null");
  const { fd } = file;
  assert.ok(fd >= 0 && !file.closed);
  file.close();
  file.close();
  assert.deepEqual([file.fd, file.closed], [-1, true]);
  using other = FileDescriptor.open("/dev/null");
  using taken = new FileDescriptor(other.detach());
  assert.equal(other.closed, true);
  assert.ok(taken.fd >= 0);
});

test("a socket of `openUdp()` serves node's dgram", async () => {
  const socket = openUdp({ address: "127.0.0.1", port: 0 });
  const { localAddress } = socket;
  const server = createSocket("udp4");
  // Emits "listening" at once, unlike every other bind.
  const listening = once(server, "listening");
  server.bind({ fd: socket.detach() });
  await listening;
  const port = localAddress.family === "ip" ? localAddress.port : 0;
  assert.equal(server.address().port, port);
  const client = createSocket("udp4");
  client.send("hello", port, "127.0.0.1");
  const [message] = await once(server, "message");
  assert.equal(String(message), "hello");
  client.close();
  server.close();
});

test("a socket of `openTcp()` serves node's net", async () => {
  const socket = openTcp({ address: "127.0.0.1", port: 0 });
  const { localAddress } = socket;
  const server = createServer((peer) => peer.end("hello"));
  server.listen({ fd: socket.detach() });
  await once(server, "listening");
  const client = connect(localAddress.family === "ip" ? localAddress.port : 0, "127.0.0.1");
  const [data] = await once(client, "data");
  assert.equal(String(data), "hello");
  client.destroy();
  server.close();
});

test("`openTcp()` names the address that is in use", () => {
  using first = openTcp({ address: "127.0.0.1", port: 0 });
  const { localAddress } = first;
  const port = localAddress.family === "ip" ? localAddress.port : 0;
  assert.throws(
    () => openTcp({ address: "127.0.0.1", port }),
    (error) => isErrno(error, Errno.EADDRINUSE) && (error as Error).message.startsWith(`bind tcp 127.0.0.1 port ${port}: `),
  );
});

test("`unixSeqpacket()` keeps packets apart", () => {
  const directory = mkdtempSync(join(tmpdir(), "fairway-ffi-"));
  const path = join(directory, "attach");
  using listener = Socket.create(AF_UNIX, SOCK_SEQPACKET);
  listener.bind(unixAddress(path));
  listener.listen();
  using client = unixSeqpacket(path);
  assert.equal(client.receive(new Uint8Array(8)), -1, "nothing is there and it does not block");
  assert.equal(client.send(Buffer.from("abc")), 3);
  rmSync(directory, { recursive: true });
  assert.throws(
    () => unixSeqpacket(path),
    (error) => isErrno(error, Errno.ENOENT),
  );
  const [a, b] = Socket.pair();
  a.send(Buffer.from("one"));
  a.send(Buffer.from("three"));
  const buffer = new Uint8Array(8192);
  assert.deepEqual([b.receive(buffer), b.receive(buffer)], [3, 5]);
  a.close();
  assert.equal(b.receive(buffer), 0);
  b.close();
});

test("`unixAddress()` counts bytes and refuses what the kernel would cut", () => {
  assert.throws(() => unixAddress("é".repeat(54)), RangeError);
  assert.equal(unixAddress("é".repeat(53)).length, 2 + 106 + 1);
});

test("`unixAddress()` takes an abstract name as it is", () => {
  const name = `\0fairway-${process.pid}`;
  using socket = Socket.create(AF_UNIX, SOCK_SEQPACKET);
  socket.bind(unixAddress(name));
  assert.deepEqual(socket.localAddress, { family: "unix", path: name });
});

test("`inetAddress()` is decoded by `localAddress` for both families", () => {
  using four = openUdp({ address: "127.0.0.1", port: 0 });
  assert.equal(four.localAddress.family === "ip" && four.localAddress.address, "127.0.0.1");
  assert.equal(Buffer.from(inetAddress("10.0.0.1", 53)).toString("hex"), "020000350a0000010000000000000000");
  assert.equal(Buffer.from(inetAddress("::1", 53, 7)).toString("hex"), `0a00003500000000${"00".repeat(15)}0107000000`);
});

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HOST } from "#base";
import { FileDescriptor, inetAddress, openTcp, openUdp, Poller, type Socket } from "#kernel/ffi";
import { isolate } from "#kernel/netns";
import { encodeSetLink, RouteSocket } from "#kernel/rtnetlink";
import { BatchedPorts } from "./datagram-port.ts";
import { openDnsSockets } from "./sandbox-sockets.ts";

const options = { skip: isolate() ? false : "needs root" };
const portOf = ({ localAddress }: Socket) => (localAddress as { port: number }).port;
const text = (bytes: Uint8Array, start: number, end: number) => Buffer.from(bytes.subarray(start, end)).toString("latin1");

test("`BatchedPort` answers in place, later, or not at all, each to who asked", options, async () => {
  using lo = RouteSocket.open();
  lo.request(encodeSetLink({ name: "lo", up: true }));
  using poller = new Poller();
  const ports = new BatchedPorts(poller);
  const [one, two] = [openUdp({ address: "127.0.0.1", port: 0 }), openUdp({ address: "127.0.0.1", port: 0 })];
  const [toOne, toTwo] = [portOf(one), portOf(two)];
  const errors: Error[] = [];
  const [first, second] = [ports.port(one), ports.port(two)];
  for (const [name, port] of [
    ["one", first],
    ["two", second],
  ] as const) {
    port.start(
      {
        receive(from, start, end, into, at, room, peer) {
          const query = text(from, start, end);
          if (query === "none") return 0;
          if (query === "throw") throw new Error("of the receiver's own");
          const answer = `${name} ${query}`;
          if (query !== "later") return Buffer.from(into.buffer, into.byteOffset + at, room).write(answer);
          const asker = peer();
          setTimeout(() => port.send(Buffer.from(answer), asker), 5);
          return 0;
        },
      },
      (error) => errors.push(error),
    );
  }
  // More than a batch takes at once, so that several clients' answers are interleaved.
  using clients = new DisposableStack();
  const sockets = Array.from({ length: 100 }, () => clients.use(openUdp({ address: "127.0.0.1", port: 0 })));
  const query = (index: number) => (index % 10 === 0 ? "later" : index % 10 === 1 ? "none" : `q${index}`);
  for (const [index, socket] of sockets.entries())
    socket.sendTo(Buffer.from(query(index)), inetAddress("127.0.0.1", index % 2 ? toTwo : toOne));
  await sleep(100);
  const buffer = Buffer.alloc(100);
  for (const [index, socket] of sockets.entries()) {
    const length = socket.receive(buffer);
    if (query(index) === "none") assert.equal(length, -1);
    else assert.equal(buffer.toString("latin1", 0, length), `${index % 2 ? "two" : "one"} ${query(index)}`);
  }
  sockets[0]!.sendTo(Buffer.from("throw"), inetAddress("127.0.0.1", toOne));
  await sleep(20);
  assert.deepEqual(
    errors.map(({ message }) => message),
    ["of the receiver's own"],
  );
  first.close();
  second.close();
  assert.equal(poller.size, 0);
});

test("`openDnsSockets()` has one port for both, or two where servers are in the way", options, () => {
  const usual = openDnsSockets(HOST, "127.0.0.11");
  assert.equal(usual.udpPort, usual.tcpPort);
  for (const fd of [usual.udp as number, usual.tcp]) new FileDescriptor(fd).close();
  writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003");
  using servers = new DisposableStack();
  for (const port of [40000, 40001, 40002]) servers.use(openTcp({ address: "0.0.0.0", port }));
  for (let round = 0; round < 10; round++) {
    const { udp, tcp, tcpPort } = openDnsSockets(HOST, "127.0.0.11");
    assert.equal(tcpPort, 40003);
    for (const fd of [udp as number, tcp]) new FileDescriptor(fd).close();
  }
  servers.use(openTcp({ address: "0.0.0.0", port: 40003 }));
  assert.throws(() => openDnsSockets(HOST, "127.0.0.11"), /EADDRINUSE/);
});

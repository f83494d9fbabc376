import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { closeSync, openSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { NodeDatagramPort } from "./datagram.ts";
import type { QueryLogEntry } from "./query-log.ts";
import { DnsServer } from "./server.ts";
import type { StreamLimits } from "./stream.ts";
import { decodeMessage, encodeQuery, fakeServer, loopback, makeResolver, replyA } from "./testing.ts";
import { Upstream } from "./upstream.ts";
import type { SandboxViewSpec } from "./view.ts";
import { RecordType } from "./wire.ts";
import { DnsZones } from "./zones.ts";

const { A } = RecordType;

async function serve(spec: Partial<SandboxViewSpec> = {}, limits: Partial<StreamLimits> = {}) {
  const zones = new DnsZones();
  for (let index = 0; index < 100; index++)
    zones.addEndpoint("n1", "blue", { endpointId: `e${index}`, names: [`c${index}`, "pool"], ipv4: `10.0.0.${index}` });
  const resolver = makeResolver({ networks: [{ id: "n1", name: "blue" }], ...spec }, zones);
  const udp = createSocket("udp4");
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.11", resolve));
  const tcp = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.11", resolve));
  const server = new DnsServer({ resolver, udp: new NodeDatagramPort(udp), tcp, limits });
  await server.start();
  const tcpPort = (tcp.address() as { port: number }).port;
  return { server, resolver, zones, udpPort: udp.address().port, tcpPort, [Symbol.asyncDispose]: () => server.close() };
}

function askUdp(port: number, queries: Buffer[]): Promise<{ message: Buffer; from: string }[]> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const answers: { message: Buffer; from: string }[] = [];
    const done = () => {
      socket.close();
      resolve(answers);
    };
    const timer = setTimeout(done, 1000);
    socket.on("message", (message, from) => {
      answers.push({ message, from: `${from.address}:${from.port}` });
      if (answers.length < queries.length) return;
      clearTimeout(timer);
      done();
    });
    for (const query of queries) socket.send(query, port, "127.0.0.11");
  });
}

const framed = (message: Buffer) => Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);

/** Writes pieces one after the other and collects the answers until the other side closes or `count` came. */
function askTcp(port: number, pieces: Buffer[], count: number): Promise<Buffer[]> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.11");
    let rest = Buffer.alloc(0);
    const answers: Buffer[] = [];
    const done = () => {
      socket.destroy();
      resolve(answers);
    };
    socket.setNoDelay(true);
    socket.on("error", done);
    socket.on("close", done);
    socket.on("data", (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const length = rest.readUInt16BE(0);
        answers.push(Buffer.from(rest.subarray(2, 2 + length)));
        rest = rest.subarray(2 + length);
      }
      if (answers.length >= count) done();
    });
    socket.on("connect", async () => {
      for (const piece of pieces) {
        socket.write(piece);
        if (pieces.length > 1) await new Promise((next) => setTimeout(next, 3));
      }
    });
  });
}

test("DnsServer answers over UDP from the address it was asked at", async () => {
  await using up = await serve();
  const queries = Array.from({ length: 50 }, (_, index) => encodeQuery(`c${index}`, A, { id: index }));
  const answers = await askUdp(up.udpPort, queries);
  assert.equal(answers.length, 50);
  for (const { message, from } of answers) {
    const decoded = decodeMessage(message);
    assert.equal(decoded.answers[0]?.data, `10.0.0.${decoded.id}`);
    assert.equal(from, `127.0.0.11:${up.udpPort}`);
  }
});

test("DnsServer truncates over UDP, and TCP gives it all", async () => {
  await using up = await serve();
  const [udp] = await askUdp(up.udpPort, [encodeQuery("pool", A)]);
  assert.equal(decodeMessage(udp!.message).flags.tc, true);
  assert.ok(udp!.message.length <= 512);
  const [tcp] = await askTcp(up.tcpPort, [framed(encodeQuery("pool", A))], 1);
  assert.equal(decodeMessage(tcp!).answers.length, 100);
});

test("DnsServer answers pipelined queries over TCP, in however many pieces they come", async () => {
  await using up = await serve();
  const all = Buffer.concat(Array.from({ length: 40 }, (_, index) => framed(encodeQuery(`c${index}`, A, { id: index }))));
  const whole = await askTcp(up.tcpPort, [all], 40);
  assert.deepEqual(
    whole.map((message) => decodeMessage(message).id).toSorted((a, b) => a - b),
    Array.from({ length: 40 }, (_, index) => index),
  );
  const pieces = [all.subarray(0, 1), all.subarray(1, 2), all.subarray(2, 30), all.subarray(30, 31), all.subarray(31)];
  assert.equal((await askTcp(up.tcpPort, pieces, 40)).length, 40);
});

test("DnsServer forwards over UDP and TCP, and holds more than maxPending queries of a connection", async () => {
  await using upstream = await fakeServer((query) => replyA(query, "192.0.2.1"));
  await using up = await serve({ upstreams: [new Upstream("127.0.0.1", loopback, upstream.port)] }, { maxPending: 3 });
  const [udp] = await askUdp(up.udpPort, [encodeQuery("www.example.org", A)]);
  assert.equal(decodeMessage(udp!.message).answers[0]?.data, "192.0.2.1");
  const queries = Array.from({ length: 20 }, (_, index) => framed(encodeQuery(`n${index}.example.org`, A, { id: index })));
  const answers = await askTcp(up.tcpPort, [Buffer.concat(queries)], 20);
  assert.deepEqual(new Set(answers.map((answer) => decodeMessage(answer).id)).size, 20);
});

test("DnsServer ends TCP connections that idle, send too much or no query, and keeps to maxConnections", async () => {
  await using up = await serve({}, { idleTimeout: 80, maxConnections: 2, maxQuery: 100 });
  assert.deepEqual(await askTcp(up.tcpPort, [Buffer.from([0])], 1), [], "idle");
  assert.deepEqual(await askTcp(up.tcpPort, [Buffer.from([0xff, 0xff, 1])], 1), [], "too long");
  assert.deepEqual(await askTcp(up.tcpPort, [framed(Buffer.alloc(4))], 1), [], "no header");
  assert.deepEqual(await askTcp(up.tcpPort, [framed(encodeQuery("c1", A, { flags: 0x8180 }))], 1), [], "a response");
  const sockets = Array.from({ length: 5 }, () => connect(up.tcpPort, "127.0.0.11"));
  for (const socket of sockets) socket.on("error", () => {});
  const open = () => sockets.filter((socket) => !socket.closed).length;
  while (open() > 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(open(), 2);
  assert.equal((await askTcp(up.tcpPort, [framed(encodeQuery("c1", A))], 1)).length, 1, "there is room for a new one");
  for (const socket of sockets) socket.destroy();
});

test("DnsServer ignores garbage over UDP and goes on", async () => {
  await using up = await serve();
  const garbage = [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(3000, 0xc0)];
  const answers = await askUdp(up.udpPort, [...garbage.slice(0, 2), encodeQuery("c7", A, { id: 7 })]);
  assert.deepEqual(
    answers.map(({ message }) => decodeMessage(message).id),
    [7],
  );
});

test("observe() reports each query until it is ended", async () => {
  await using upstream = await fakeServer((query) => replyA(query, "192.0.2.1"));
  await using up = await serve({ upstreams: [new Upstream("127.0.0.1", loopback, upstream.port)] });
  const log: QueryLogEntry[] = [];
  const stop = up.server.observe((entry) => log.push(entry));
  await askUdp(up.udpPort, [encodeQuery("C1", A)]);
  await askTcp(up.tcpPort, [framed(encodeQuery("nosuch", 28))], 1);
  await askUdp(up.udpPort, [encodeQuery("www.example.org", A)]);
  stop();
  await askUdp(up.udpPort, [encodeQuery("c2", A)]);
  assert.deepEqual(
    log.map(({ transport, name, type, rcode, answers, upstream: asked }) => [transport, name, type, rcode, answers, asked]),
    [
      ["udp", "c1", "A", "NOERROR", 1, undefined],
      ["tcp", "nosuch", "AAAA", "NXDOMAIN", 0, undefined],
      ["udp", "www.example.org", "A", "NOERROR", 1, "127.0.0.1"],
    ],
  );
  const { queries, local, forwarded, withheld } = up.resolver.counters;
  assert.deepEqual({ queries, local, forwarded, withheld }, { queries: 4, local: 2, forwarded: 1, withheld: 1 });
});

test("start() rejects when a descriptor is no socket", async () => {
  const file = openSync("/dev/null", "r");
  const tcp = createServer();
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.11", resolve));
  const server = new DnsServer({ resolver: makeResolver(), udp: file, tcp });
  await assert.rejects(server.start());
  tcp.close();
  closeSync(file);
});

test("a change of zones is in the very next answer", async () => {
  await using up = await serve();
  for (let round = 0; round < 50; round++) {
    up.zones.addEndpoint("n1", "blue", { endpointId: "moving", names: ["moving"], ipv4: `10.9.0.${round}` });
    const [answer] = await askUdp(up.udpPort, [encodeQuery("moving", A)]);
    assert.equal(decodeMessage(answer!.message).answers[0]?.data, `10.9.0.${round}`);
    up.zones.removeEndpoint("n1", "moving");
    const [gone] = await askUdp(up.udpPort, [encodeQuery("moving", A)]);
    assert.equal(decodeMessage(gone!.message).rcode, 3);
  }
});

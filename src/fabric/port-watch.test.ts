import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import { encodeSetLink, RouteSocket } from "#kernel/rtnetlink";
import { type LateRival, PortWatch } from "./port-watch.ts";

const isolated = isolate();
const options = { skip: isolated ? false : "needs root" };

test("`PortWatch.look()` tells once of a program that still holds a port at the second look", options, async () => {
  using lo = RouteSocket.open();
  lo.request(encodeSetLink({ name: "lo", up: true }));
  const told: LateRival[] = [];
  const watch = new PortWatch((rival) => told.push(rival));
  using _tcp = watch.add({ proto: "tcp", address: "0.0.0.0", from: 20000, to: 30000 });
  using _udp = watch.add({ proto: "udp", address: "::", from: 20000, to: 30000 });
  const server = createServer().listen(20001, "0.0.0.0");
  const [datagrams, passing, connected, elsewhere] = [0, 0, 0, 0].map(() => createSocket({ type: "udp6", ipv6Only: true }));
  datagrams!.bind(20002);
  passing!.bind(20003);
  connected!.bind(20004);
  elsewhere!.bind(30001);
  await Promise.all([
    once(server, "listening"),
    ...[datagrams!, passing!, connected!, elsewhere!].map((socket) => once(socket, "listening")),
  ]);
  connected!.connect(9, "::1");
  await once(connected!, "connect");
  watch.look();
  assert.equal(told.length, 0);
  passing!.close();
  await once(passing!, "close");
  for (let turn = 0; turn < 3; turn++) watch.look();
  assert.deepEqual(
    told.map(({ proto, port, program }) => [proto, port, program?.endsWith(`(pid ${process.pid})`)]),
    [
      ["tcp", 20001, true],
      ["udp", 20002, true],
    ],
  );
  server.close();
  for (const socket of [datagrams!, connected!, elsewhere!]) socket.close();
});

test("`PortWatch.look()` survives a kernel that cannot be asked", () => {
  const watch = new PortWatch(
    () => {},
    () => {
      throw new Error("Too many open files");
    },
  );
  using _range = watch.add({ proto: "tcp", address: "0.0.0.0", from: 20000, to: 30000 });
  watch.look();
});

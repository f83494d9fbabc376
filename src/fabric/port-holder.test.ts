import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, inetAddress, openTcp, openUdp, SOCK_STREAM, Socket } from "#kernel/ffi";
import { isolate } from "#kernel/netns";
import { encodeSetLink, RouteSocket } from "#kernel/rtnetlink";
import { PortReserver } from "./host-ports.ts";
import { portHolder } from "./port-holder.ts";

const options = { skip: isolate() ? false : "needs root" };
const me = `${readFileSync("/proc/self/comm", "utf8").trim()} (pid ${process.pid})`;

test("`portHolder()` names the process whose socket keeps a port of an address, and nobody else's", options, () => {
  using lo = RouteSocket.open();
  lo.request(encodeSetLink({ name: "lo", up: true }));
  using _tcp = openTcp({ address: "127.0.0.1", port: 8080 });
  using _udp = openUdp({ address: "::", port: 5353 });
  assert.equal(portHolder("tcp", "0.0.0.0", 8080, 8080), me);
  assert.equal(portHolder("tcp", "127.0.0.1", 8000, 9000), me);
  assert.equal(portHolder("tcp", "127.0.0.2", 8080, 8080), undefined);
  assert.equal(portHolder("tcp", "::", 8080, 8080), undefined);
  assert.equal(portHolder("udp", "0.0.0.0", 8080, 8080), undefined);
  assert.equal(portHolder("udp", "::1", 5353, 5353), me);
  // Java's sockets: IPv6 ones on an IPv4 address.
  using mapped = Socket.create(AF_INET6, SOCK_STREAM);
  mapped.setOption(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  mapped.bind(inetAddress("::ffff:127.0.0.3", 9090));
  mapped.listen(1);
  assert.equal(portHolder("tcp", "127.0.0.3", 9090, 9090), me);
  assert.equal(portHolder("tcp", "0.0.0.0", 9090, 9090), me);
  assert.equal(portHolder("tcp", "127.0.0.1", 9090, 9090), undefined);
  assert.equal(portHolder("tcp", "::", 9090, 9090), undefined);
  assert.throws(() => new PortReserver().reserve("tcp", "0.0.0.0", 9000, 9900), /EADDRINUSE/);
  using _free = new PortReserver().reserve("tcp", "::", 9000, 9900);
  assert.throws(() => new PortReserver().reserve("tcp", "0.0.0.0", 8080, 8080), /EADDRINUSE/);
});

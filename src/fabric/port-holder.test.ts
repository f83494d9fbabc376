import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openTcp, openUdp } from "#kernel/ffi";
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
  assert.throws(() => new PortReserver().reserve("tcp", "0.0.0.0", 8080, 8080), /EADDRINUSE/);
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { inetAddress, openUdp } from "#kernel/ffi";
import { isolate } from "#kernel/netns";
import { ConntrackSocket, loadRuleset } from "./mod.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const options = { skip: isolated ? false : "needs root" };

test("`flush()` forgets the flows of a mapping and of a container, and no others", options, () => {
  execFileSync("sh", ["-ec", "ip link set lo up; ip addr add 192.0.2.5/32 dev lo; ip -6 addr add fd00::5/128 dev lo nodad"]);
  loadRuleset(`table inet t { chain o { type nat hook output priority -100
    ip daddr 192.0.2.5 udp dport 5000-5009 dnat ip to 127.0.0.9
    ip6 daddr fd00::5 udp dport 5000 dnat ip6 to [::1]:6000
  }
  }`);
  using client = openUdp({ address: "0.0.0.0", port: 0 });
  using client6 = openUdp({ address: "::", port: 0 });
  for (const port of [5000, 5005, 5020]) client.sendTo(Buffer.from("x"), inetAddress("192.0.2.5", port));
  client.sendTo(Buffer.from("x"), inetAddress("127.0.0.1", 5000));
  client6.sendTo(Buffer.from("x"), inetAddress("fd00::5", 5000));
  using conntrack = new ConntrackSocket();
  const seen = () =>
    [...conntrack.list(4, "udp"), ...conntrack.list(6, "udp")]
      .map(({ original, reply }) => `${original.destination} ${original.destinationPort} ${reply.source}`)
      .toSorted();
  const all = [
    "127.0.0.1 5000 127.0.0.1",
    "192.0.2.5 5000 127.0.0.9",
    "192.0.2.5 5005 127.0.0.9",
    "192.0.2.5 5020 192.0.2.5",
    "fd00::5 5000 ::1",
  ];
  assert.deepEqual(seen(), all);
  const udp4 = { protocol: "udp", family: 4 } as const;
  const without = (...gone: number[]) => all.filter((_, index) => !gone.includes(index));
  conntrack.flush([]);
  conntrack.flush([
    { ...udp4, originalDestination: "192.0.2.9", originalPort: 5000 },
    { ...udp4, originalDestination: "192.0.2.5", originalPort: 5001 },
    { protocol: "tcp", family: 4, originalPort: 5000 },
  ]);
  assert.deepEqual(seen(), all);
  conntrack.flush([{ ...udp4, originalDestination: "192.0.2.5", originalPort: [5001, 5010] }]);
  assert.deepEqual(seen(), without(2));
  conntrack.flush([{ ...udp4, originalPort: 5000, replySource: "127.0.0.9" }]);
  assert.deepEqual(seen(), without(1, 2));
  conntrack.flush([{ protocol: "udp", family: 6, originalPort: 5000 }]);
  assert.deepEqual(seen(), without(1, 2, 4));
  conntrack.flush([
    { ...udp4, originalDestination: "192.0.2.5", originalPort: 5020 },
    { ...udp4, replySource: "127.0.0.1" },
  ]);
  assert.deepEqual(seen(), []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isolate } from "#kernel/netns";
import { Lan } from "./mod.ts";
import { Segment, sh } from "./testing.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const options = { skip: isolated ? false : "needs root" };
const OWN = "02:42:c0:a8:38:1f";

async function until(true_: () => boolean, milliseconds = 3000): Promise<void> {
  for (const end = performance.now() + milliseconds; !true_() && performance.now() < end; ) await sleep(10);
}

test("`Lan.probeAddress()` names the MAC of a station that has the address, in either family, and is quick", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  const mac = segment.station("there", "192.168.56.50/24", "fd56::50/64");
  for (const address of ["192.168.56.50", "fd56:0::50"]) {
    const result = await lan.probeAddress({ link: "eth0", address, mode: "quick" });
    assert.equal(result.conflict, mac, address);
    // The first, where the machine is not too slow to hear the answer before the second is due.
    assert.ok(result.sent < 3, `${result.sent} probes`);
  }
  for (const address of ["192.168.56.51", "fd56::51"]) {
    const start = performance.now();
    assert.deepEqual(await lan.probeAddress({ link: "eth0", address, mode: "quick" }), { sent: 3 });
    const took = performance.now() - start;
    assert.ok(took >= 195, `${took} ms`);
  }
});

test("`Lan.probeAddress()` hears answers while macvlan containers hang on the link", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  segment.container("c1", OWN, "192.168.56.31/24", "fd56::31/64");
  const mac = segment.station("there", "192.168.56.50/24", "fd56::50/64");
  for (const address of ["192.168.56.50", "fd56::50"]) {
    assert.equal((await lan.probeAddress({ link: "eth0", address, mode: "quick" })).conflict, mac);
  }
});

test("`Lan.probeAddress()` finds the host's own addresses, and asks nobody when it is off or the link is down", options, async () => {
  using _segment = new Segment();
  using lan = new Lan();
  const mac = sh("cat /sys/class/net/eth0/address").trim();
  assert.deepEqual(await lan.probeAddress({ link: "eth0", address: "192.168.56.11", mode: "quick" }), {
    conflict: mac,
    hostLink: "eth0",
    sent: 0,
  });
  assert.deepEqual(await lan.probeAddress({ link: "eth0", address: "192.168.56.11", mode: "off" }), { sent: 0 });
  sh("ip link set eth0 down");
  assert.deepEqual(await lan.probeAddress({ link: "eth0", address: "192.168.56.50", mode: "quick" }), { sent: 0 });
  await assert.rejects(lan.probeAddress({ link: "eth9", address: "192.168.56.50", mode: "quick" }), { category: "notFound" });
});

test("`Lan.probeAddress()` ends at once when it is told to, or when another station tries the same address", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  await lan.probeAddress({ link: "eth0", address: "192.168.56.50", mode: "full", signal: AbortSignal.timeout(50) });
  const mac = segment.station("there", "192.168.56.60/24");
  const probing = lan.probeAddress({ link: "eth0", address: "192.168.56.50", mode: "full" });
  using other = new Lan();
  await sleep(20);
  const theirs = other.probeAddress({ namespace: "/run/netns/there", link: "eth0", address: "192.168.56.50", mode: "quick" });
  assert.equal((await probing).conflict, mac, "RFC 5227 2.1.1");
  await theirs;
});

test("`Lan.announceAddresses()` moves neighbours to the new MAC before it returns, and ends after its messages", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  segment.station("there", "192.168.56.50/24", "fd56::50/64");
  const path = segment.container("c1", OWN, "192.168.56.31/24", "fd56::31/64");
  sh(
    "for a in 192.168.56.31 fd56::31; do ip -n there neigh replace $a lladdr 02:00:00:00:00:99 dev eth0 nud stale; done; ip -n there neigh",
  );
  const announcement = lan.announceAddresses({ namespace: path, link: "eth0", addresses: ["192.168.56.31", "fd56::31"], interval: 20 });
  await announcement.done;
  const entries = sh("ip -n there neigh");
  assert.match(entries, new RegExp(`192.168.56.31 dev eth0 lladdr ${OWN}`));
  assert.match(entries, new RegExp(`fd56::31 dev eth0 lladdr ${OWN}`));
  assert.throws(() => lan.announceAddresses({ namespace: path, link: "eth7", addresses: ["192.168.56.31"] }), { category: "notFound" });
  sh("ip -n c1 link set eth0 down");
  await lan.announceAddresses({ namespace: path, link: "eth0", addresses: ["192.168.56.31"] }).done;
});

test("`Lan.watchConflicts()` reports a later duplicate with its MAC, once, and not the owner", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  const path = segment.container("c1", OWN, "192.168.56.31/24", "fd56::31/64");
  const heard: string[] = [];
  const watches = ["192.168.56.31", "fd56::31"].map((address) =>
    lan.watchConflicts({ link: "eth0", address, owners: [OWN], onConflict: (mac) => heard.push(`${address} ${mac}`) }),
  );
  await lan.announceAddresses({ namespace: path, link: "eth0", addresses: ["192.168.56.31", "fd56::31"], count: 1 }).done;
  await sleep(50);
  assert.deepEqual(heard, []);
  const mac = segment.station("twin", "192.168.56.31/24", "fd56::31/64");
  for (const _ of [1, 2])
    await lan.announceAddresses({ namespace: "/run/netns/twin", link: "eth0", addresses: ["192.168.56.31", "fd56::31"], count: 1 }).done;
  await until(() => heard.length >= 2);
  assert.deepEqual(heard.toSorted(), [`192.168.56.31 ${mac}`, `fd56::31 ${mac}`]);
  for (const watch of watches) watch[Symbol.dispose]();
});

test("`Lan.watchConflicts()` goes on when the link went away and came back", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  const mac = segment.station("twin", "192.168.56.31/24");
  const heard: string[] = [];
  using _watch = lan.watchConflicts({ link: "eth0", address: "192.168.56.31", owners: [OWN], onConflict: (other) => heard.push(other) });
  sh("ip link del eth0; sleep 0.2");
  await sleep(50);
  sh("ip link add eth0 type veth peer name host netns sw; ip -n sw link set host master sw0 up; ip link set eth0 up");
  for (let round = 0; round < 30 && heard.length === 0; round++) {
    await lan.announceAddresses({ namespace: "/run/netns/twin", link: "eth0", addresses: ["192.168.56.31"], count: 1 }).done;
    await sleep(100);
  }
  assert.deepEqual(heard, [mac]);
});

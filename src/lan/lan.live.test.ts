import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { macToBytes } from "#base";
import { isolate } from "#kernel/netns";
import { arpAnnouncement, BROADCAST_MAC, ETH_P_ARP } from "./arp.ts";
import { LinkPort } from "./link-port.ts";
import { Lan } from "./mod.ts";
import { ETH_P_IPV6, unsolicitedAdvertisement } from "./ndp.ts";
import { Segment, sh, until } from "./testing.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const options = { skip: isolated ? false : "needs root" };
const OWN = "02:42:c0:a8:38:1f";

test(
  "`Lan.probeAddress()` names the MAC of a station that has the address, in either family, and takes its time when nobody has",
  options,
  async () => {
    using segment = new Segment();
    using lan = new Lan();
    const mac = segment.station("there", "192.168.56.50/24", "fd56::50/64");
    for (const address of ["192.168.56.50", "fd56:0::50"]) {
      const result = await lan.probeAddress({ link: "eth0", address, mode: "quick" });
      assert.equal(result.conflict, mac, address);
    }
    for (const address of ["192.168.56.51", "fd56::51"]) {
      const start = performance.now();
      assert.deepEqual(await lan.probeAddress({ link: "eth0", address, mode: "quick" }), { sent: 3 });
      const took = performance.now() - start;
      assert.ok(took >= 195, `${took} ms`);
    }
  },
);

test("`Lan.probeAddress()` hears an answer that came while the process had no time to look", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  const mac = segment.station("there", "192.168.56.50/24", "fd56::50/64");
  for (const address of ["192.168.56.50", "fd56::50"]) {
    const probing = lan.probeAddress({ link: "eth0", address, mode: "quick" });
    // The process stands still for longer than the whole probing takes.
    sh("sleep 0.4");
    assert.deepEqual(await probing, { conflict: mac, sent: 1 }, address);
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

/** An Ethernet frame of a VLAN, as it is on a trunk: IEEE 802.1Q's tag is 4 bytes at offset 12. */
const tagged = (mac: string, vlan: number, ethertype: number, payload: Uint8Array) =>
  Uint8Array.from([
    ...macToBytes("ff:ff:ff:ff:ff:ff"),
    ...macToBytes(mac),
    0x81,
    0,
    vlan >> 8,
    vlan & 255,
    ethertype >> 8,
    ethertype & 255,
    ...payload,
  ]);

test("`Lan.probeAddress()` and `Lan.watchConflicts()` take no notice of who has the address in a VLAN of the link's", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  const mac = segment.station("trunk");
  // With a link of one of the VLANs, where the kernel has them, and without.
  sh("ip link add link eth0 name eth0.10 type vlan id 10 2>/dev/null && ip link set eth0.10 up || true");
  using port = new LinkPort({ namespace: "/run/netns/trunk", link: "eth0", ethertype: 0, raw: true });
  const claims = [
    ["192.168.56.50", ETH_P_ARP, arpAnnouncement(mac, "192.168.56.50")],
    ["fd56::50", ETH_P_IPV6, unsolicitedAdvertisement(mac, "fd56::50")],
  ] as const;
  const heard: string[] = [];
  for (const [address, ethertype, claim] of claims) {
    using _watch = lan.watchConflicts({ link: "eth0", address, owners: [OWN], onConflict: (other) => heard.push(other) });
    const probing = lan.probeAddress({ link: "eth0", address, mode: "quick" });
    for (const vlan of [10, 4094]) port.sendFrame(tagged(mac, vlan, ethertype, claim));
    assert.deepEqual(await probing, { sent: 3 }, address);
    assert.deepEqual(heard, []);
    port.sendFrame(tagged(mac, 0, ethertype, claim));
    await until(() => heard.length > 0);
    assert.deepEqual(heard.splice(0), [mac], "VLAN 0 is a priority and no VLAN");
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
  assert.equal((await lan.probeAddress({ link: "eth0", address: "192.168.56.11", mode: "off" })).hostLink, "eth0", "known without asking");
  assert.deepEqual(await lan.probeAddress({ link: "eth0", address: "192.168.56.50", mode: "off" }), { sent: 0 });
  sh("ip route add default via 192.168.56.77");
  for (const mode of ["quick", "off"] as const) {
    assert.deepEqual(
      await lan.probeAddress({ link: "eth0", address: "192.168.56.77", mode }),
      { isGateway: true, sent: 0 },
      "it does not answer",
    );
  }
  assert.deepEqual(await lan.probeAddress({ link: "lo", address: "192.168.56.77", mode: "off" }), { sent: 0 }, "of another link");
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

test("`Lan.solicitRouter()` ends without an answer when the link goes down meanwhile", options, async () => {
  using _segment = new Segment();
  using lan = new Lan();
  const soliciting = lan.solicitRouter("eth0");
  sh("ip link set eth0 down");
  assert.equal(await soliciting, undefined);
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

test("`Lan.watchConflicts()` reports few of many forged MACs, and lets go of an address' group when it is forgotten", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  segment.station("forger");
  using port = new LinkPort({ namespace: "/run/netns/forger", link: "eth0", ethertype: 0 });
  const heard: string[] = [];
  using _watched = lan.watchConflicts({ link: "eth0", address: "192.168.56.31", owners: [OWN], onConflict: (mac) => heard.push(mac) });
  using _last = lan.watchConflicts({ link: "eth0", address: "192.168.56.32", owners: [OWN], onConflict: () => heard.push("last") });
  const macs = Array.from({ length: 100 }, (_, number) => `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`);
  for (const mac of macs) port.send(ETH_P_ARP, BROADCAST_MAC, arpAnnouncement(mac, "192.168.56.31"));
  port.send(ETH_P_ARP, BROADCAST_MAC, arpAnnouncement(macs[0]!, "192.168.56.32"));
  await until(() => heard.includes("last"));
  assert.deepEqual(heard, [...macs.slice(0, 8), "last"]);

  const groups = () => sh("ip maddr show dev eth0").match(/33:33:ff:00:00:3\d/g) ?? [];
  const [one, same, other] = ["fd56::31", "fd56::31", "fd56::32"].map((address) =>
    lan.watchConflicts({ link: "eth0", address, owners: [OWN], onConflict: () => {} }),
  );
  assert.deepEqual(groups().toSorted(), ["33:33:ff:00:00:31", "33:33:ff:00:00:32"]);
  one![Symbol.dispose]();
  assert.equal(groups().length, 2, "another watches the same address");
  same![Symbol.dispose]();
  assert.deepEqual(groups(), ["33:33:ff:00:00:32"]);
  other![Symbol.dispose]();
  assert.deepEqual(groups(), []);
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
  while (heard.length === 0) {
    await lan.announceAddresses({ namespace: "/run/netns/twin", link: "eth0", addresses: ["192.168.56.31"], count: 1 }).done;
    await sleep(100);
  }
  assert.deepEqual(heard, [mac]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { portName, VmLab } from "#lab";
import type { Family } from "../experiments/reach.ts";
import { type VmHost, vmStage } from "./engine.ts";
import { reachAmong } from "./reach.ts";

const skip = { skip: VmLab.missing() ?? false };

const ON_BOND = `
      h1 h2 b1 b2
  h1  -  ok X  ok
  h2  ok -  ok X
  b1  X  ok -  ok
  b2  ok X  ok -`;
const ON_VLAN = "  b1 b2\nb1 - ok\nb2 ok -";

/** Last numbers of the addresses on the bond: 10.41.0.x and fd41::x. */
const LAST = { h1: 11, h2: 12, b1: 31, b2: 32 } as const;
const addressOn = (net: 40 | 41) => (station: string, family: Family) =>
  `${family === 4 ? `10.${net}.0.` : `fd${net}::`}${LAST[station as keyof typeof LAST]}`;

const activePort = (host: VmHost) => host.sh("cat /sys/class/net/bond0/bonding/active_slave");

test("E13 a bond is a parent, and a VLAN on it; containers stay reachable when one of its ports fails", skip, async (t) => {
  const stage = await vmStage();
  const { lab, h1, h2, both } = stage;
  const onBond = reachAmong(stage, addressOn(41));
  const onVlan = reachAmong(stage, addressOn(40));
  // The switch cuts without taking the carrier away: the bond must ask somebody, the other host, to see it. eth0 is on the same segment.
  await both((host, index) =>
    host.sh(`modprobe bonding max_bonds=0
      ip link add name bond0 type bond mode active-backup arp_interval 200 arp_ip_target 10.41.0.${12 - index}
      for port in eth1 eth2; do ip link set $port down; ip link set $port master bond0; done
      sysctl -qw net.ipv4.conf.bond0.arp_ignore=1 net.ipv4.conf.eth0.arp_ignore=1
      ip addr add 10.41.0.${11 + index}/24 dev bond0; ip addr add fd41::${11 + index}/64 dev bond0 nodad; ip link set bond0 up`),
  );
  await t.test("containers on bond0 and on bond0.40 reach those of the other host", async () => {
    await both((host, index) => {
      const legs = [41, 40].map((net) => `--network name=on${net},ip=10.${net}.0.${31 + index},ip6=fd${net}::${31 + index}`);
      return host.docker(
        "network create -d macvlan --subnet 10.41.0.0/24 --ipv6 --subnet fd41::/64 -o parent=bond0 on41",
        "network create -d macvlan --subnet 10.40.0.0/24 --ipv6 --subnet fd40::/64 -o parent=bond0.40 on40",
        `run -itd --name b${index + 1} ${legs.join(" ")} busybox`,
      );
    });
    assert.match(await h1.sh("ip -d link show bond0.40"), /bond0\.40@bond0: [\s\S]*802\.1Q id 40 /);
    await onBond(ON_BOND, "bond0");
    await onVlan(ON_VLAN, "bond0.40");
  });
  await t.test("also by the other port, when the first is cut off at the switch", async () => {
    const first = await activePort(h1);
    lab.switch.setPolicy(portName("h1", Number(first.slice(3))), { cut: true });
    await h1.sh(`until [ "$(cat /sys/class/net/bond0/bonding/active_slave)" = eth${first === "eth1" ? 2 : 1} ]; do sleep 0.2; done`);
    await onBond(ON_BOND, "bond0 on its other port");
    await onVlan(ON_VLAN, "bond0.40 on the bond's other port");
    lab.switch.setPolicy(portName("h1", Number(first.slice(3))), {});
  });
  await t.test("a port of the bond is refused, and the bond named", async () => {
    const [words] = await h1.dockerFails("network create -d macvlan --subnet 10.42.0.0/24 -o parent=eth1 port");
    assert.match(words ?? "", /interface eth1 is a port of bond0 \(bond\): use -o parent=bond0/);
  });
  await both((host, index) => host.docker(`rm -f b${index + 1}`, "network rm on41 on40"));
  for (const host of [h1, h2]) {
    assert.doesNotMatch(await host.sh("ip -o link"), /bond0\.40/);
    await host.sh("ip link del bond0; ip link set eth1 down; ip link set eth2 down; sysctl -qw net.ipv4.conf.eth0.arp_ignore=0");
  }
});

test("E13 a network without a parent ends at its own dummy: its containers reach each other and nobody else", skip, async () => {
  const stage = await vmStage();
  const { h1 } = stage;
  const [macvlan, ipvlan] = await h1.docker(
    "network create -d macvlan --subnet 10.51.0.0/24 lone_m",
    "network create -d ipvlan --subnet 10.52.0.0/24 lone_i",
    "run -itd --name d12 --network name=lone_m,ip=10.51.0.2 --network name=lone_i,ip=10.52.0.2 busybox",
    "run -itd --name d13 --network name=lone_m,ip=10.51.0.3 --network name=lone_i,ip=10.52.0.3 busybox",
  );
  const links = await h1.sh("ip -d link");
  assert.match(links, new RegExp(`dm-${macvlan.slice(0, 12)}: <[^>]*UP[\\s\\S]*dummy`));
  assert.match(links, new RegExp(`di-${ipvlan.slice(0, 12)}: <[^>]*UP[\\s\\S]*dummy`));
  const [internal] = await h1.docker("network inspect -f '{{.Internal}} {{.Options}}' lone_m lone_i");
  assert.deepEqual(
    internal.split("\n").map((line) => line.split(" ")[0]),
    ["true", "true"],
  );
  for (const net of [51, 52]) {
    const reach = reachAmong(stage, (station) => (station === "h1" ? "192.168.56.11" : `10.${net}.0.${station[2]}`));
    await reach("  h1 d12 d13\nh1 - X X\nd12 X - ok\nd13 X ok -", `10.${net}.0.0/24`, [4]);
  }
  await h1.docker("rm -f d12 d13", "network rm lone_m lone_i");
  assert.doesNotMatch(await h1.sh("ip -o link"), /d[mi]-/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { VmLab } from "#lab";
import { vmStage } from "./engine.ts";
import { assertReach } from "./reach.ts";

const skip = { skip: VmLab.missing() ?? false };

test("E13 a bond is a parent, and a VLAN on it", skip, async (t) => {
  const { h1, h2, both } = await vmStage();
  await both((host) =>
    host.sh(`modprobe bonding max_bonds=0; ip link add name bond0 type bond mode active-backup miimon 100
      sysctl -qw net.ipv4.conf.bond0.arp_ignore=1
      ip link set eth1 down; ip link set eth1 master bond0; ip link set bond0 up; ip link set eth1 up`),
  );
  await t.test("containers on bond0 and on bond0.40 reach those of the other host", async () => {
    await both((host, index) =>
      host.docker(
        "network create -d macvlan --subnet 10.41.0.0/24 -o parent=bond0 on_bond",
        "network create -d macvlan --subnet 10.40.0.0/24 -o parent=bond0.40 on_vlan",
        `run -itd --name b${index + 1} --network name=on_bond,ip=10.41.0.${index + 2} --network name=on_vlan,ip=10.40.0.${index + 2} busybox`,
      ),
    );
    assert.match(await h1.sh("ip -d link show bond0.40"), /bond0\.40@bond0: [\s\S]*802\.1Q id 40 /);
    for (const net of [41, 40]) {
      const ends = await both((host, index) => host.ends({ [`b${index + 1}`]: `10.${net}.0.${index + 2}` }));
      await assertReach(ends.flat(), "  b1 b2\nb1 - ok\nb2 ok -", `10.${net}.0.0/24`);
    }
  });
  await t.test("a port of the bond is refused, and the bond named", async () => {
    const [words] = await h1.dockerFails("network create -d macvlan --subnet 10.42.0.0/24 -o parent=eth1 port");
    assert.match(words ?? "", /interface eth1 is a port of bond0 \(bond\): use -o parent=bond0/);
  });
  await both((host, index) => host.docker(`rm -f b${index + 1}`, "network rm on_bond on_vlan"));
  for (const host of [h1, h2]) {
    assert.doesNotMatch(await host.sh("ip -o link"), /bond0\.40/);
    await host.sh("ip link del bond0; ip link set eth1 down");
  }
});

test("E13 a network without a parent ends at its own dummy: its containers reach each other and nobody else", skip, async () => {
  const { h1 } = await vmStage();
  const [macvlan, ipvlan] = await h1.docker(
    "network create -d macvlan --subnet 10.51.0.0/24 lone_m",
    "network create -d ipvlan --subnet 10.52.0.0/24 lone_i",
    "run -itd --name d1 --network name=lone_m,ip=10.51.0.2 --network name=lone_i,ip=10.52.0.2 busybox",
    "run -itd --name d2 --network name=lone_m,ip=10.51.0.3 --network name=lone_i,ip=10.52.0.3 busybox",
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
    const ends = await h1.ends({ d1: `10.${net}.0.2`, d2: `10.${net}.0.3` });
    await assertReach([h1.end("192.168.56.11"), ...ends], "  h1 d1 d2\nh1 - X X\nd1 X - ok\nd2 X ok -", `10.${net}.0.0/24`);
  }
  await h1.docker("rm -f d1 d2", "network rm lone_m lone_i");
  assert.doesNotMatch(await h1.sh("ip -o link"), /d[mi]-/);
});

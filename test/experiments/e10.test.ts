import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "#lab";
import { PINGS, pingFrom } from "./clients.ts";
import { lanStage } from "./lan-stage.ts";
import { LAN } from "./reach.ts";

const promiscuous = async (host: Host) => (Number(await host.sh("cat /sys/class/net/eth0/flags")) & 0x100) !== 0;

test("E10 macvlan on two hosts: every pair but host and own container, IPv4 and IPv6", async (t) => {
  const stage = await lanStage(t);
  const { h1, h2 } = stage;
  for (const host of [h1, h2]) await host.sh("ip link set eth0 promisc on");

  await t.test("a subnet foreign to the hosts': mac_net1", async () => {
    const create = "network create -d macvlan --subnet=172.22.16.0/24 --gateway=172.22.16.1 -o parent=eth0 mac_net1";
    for (const host of [h1, h2]) await host.docker(create);
    await h1.docker("run -itd --name test1 --network mac_net1 --ip 172.22.16.10 busybox");
    await h2.docker("run -itd --name test2 --network mac_net1 --ip 172.22.16.20 busybox");
    assert.deepEqual(await pingFrom(h1, "test1", "172.22.16.20"), PINGS);
    assert.deepEqual(await pingFrom(h2, "test2", "172.22.16.10"), PINGS);
    for (const host of [h1, h2]) await host.docker(`rm -f ${host === h1 ? "test1" : "test2"}`);
  });

  await t.test("mac_net 192.168.16.0/24, beside the other network on the same parent", async () => {
    for (const host of [h1, h2]) await host.docker("network create -d macvlan --subnet=192.168.16.0/24 -o parent=eth0 mac_net");
    await h1.docker("run -itd --name test1 --network mac_net --ip 192.168.16.111 busybox");
    await h2.docker("run -itd --name test2 --network mac_net --ip 192.168.16.112 busybox");
    assert.deepEqual(await pingFrom(h1, "test1", "192.168.16.112"), PINGS);
    assert.deepEqual(await pingFrom(h2, "test2", "192.168.16.111"), PINGS);
    for (const host of [h1, h2]) {
      await host.docker(`rm -f ${host === h1 ? "test1" : "test2"}`);
      await host.docker("network rm mac_net mac_net1");
    }
  });

  await t.test("the whole matrix on the hosts' own subnet", async () => {
    await stage.createLan("macvlan", "-o parent=eth0");
    await stage.run("c11", "c12", "c21", "c22");
    await stage.reach(LAN);
  });

  await t.test("it stands after the daemons were killed and started again", async () => {
    for (const host of [h1, h2]) {
      await host.daemon.kill();
      await host.daemon.start();
    }
    await stage.reach(LAN);
  });

  await t.test("a parent that was promiscuous before is so after", async () => {
    await stage.clear();
    for (const host of [h1, h2]) assert.equal(await promiscuous(host), true);
  });
});

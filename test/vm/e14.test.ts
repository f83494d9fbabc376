import assert from "node:assert/strict";
import { test } from "node:test";
import { portName, VmLab } from "#lab";
import { addressFlags, addressOf, LAN, LAN_SUBNETS, type Station } from "../experiments/reach.ts";
import { vmStage } from "./engine.ts";
import { reachAmong } from "./reach.ts";

const CONTAINERS = [
  ["c11", "c12"],
  ["c21", "c22"],
] as const;

test("E14 ipvlan on two hosts: every pair but host and own container; the MAC is the parent's", {
  skip: VmLab.missing() ?? false,
}, async (t) => {
  const stage = await vmStage();
  const { lab, h1, h2, both } = stage;
  const reach = reachAmong(stage, (station, family) => addressOf(station as Station, family));

  await both((host, index) =>
    host.docker(
      `network create -d ipvlan ${LAN_SUBNETS} -o parent=eth0 ipvlan_net`,
      ...CONTAINERS[index].map((name) => `run -itd --name ${name} --network ipvlan_net ${addressFlags(name)} busybox`),
    ),
  );

  await t.test("inspect shows no MAC, and inside it is the parent's", async () => {
    const [json, link, list] = await h1.docker("network inspect ipvlan_net", "exec c11 ip addr show eth0", "network ls");
    const [network] = JSON.parse(json);
    const containers = Object.values(network.Containers) as {
      Name: string;
      MacAddress: string;
      IPv4Address: string;
      IPv6Address: string;
    }[];
    assert.deepEqual(
      containers.map(({ Name, MacAddress, IPv4Address, IPv6Address }) => [Name, MacAddress, IPv4Address, IPv6Address]).sort(),
      [
        ["c11", "", "192.168.56.31/24", "fd56::31/64"],
        ["c12", "", "192.168.56.32/24", "fd56::32/64"],
      ],
    );
    assert.deepEqual([network.Driver, network.Scope, network.Options], ["ipvlan", "local", { parent: "eth0" }]);
    const parent = await h1.sh("cat /sys/class/net/eth0/ifindex /sys/class/net/eth0/address");
    const [index, mac] = parent.split("\n");
    assert.match(link, new RegExp(`eth0@if${index}: [\\s\\S]*link/ether ${mac} `));
    assert.match(list, /ipvlan_net\s+ipvlan\s+local/);
  });

  await t.test("the whole matrix", () => reach(LAN, "plain switch"));

  await t.test("switch ports that let one MAC send do not matter", async () => {
    for (const { name, machine } of [h1, h2]) {
      lab.switch.setPolicy(portName(name), { lockedMac: await machine.sh("cat /sys/class/net/eth0/address") });
    }
    await reach(LAN, "locked ports");
    for (const { name } of [h1, h2]) lab.switch.setPolicy(portName(name), {});
  });

  await t.test("a MAC of one's own is refused, and so is macvlan beside it", async () => {
    const [mac, macvlan, mode] = await h1.dockerFails(
      "run -d --name mac --mac-address 02:00:00:00:00:01 --network ipvlan_net busybox",
      "network create -d macvlan --subnet 10.9.0.0/24 -o parent=eth0 beside",
      "network create -d ipvlan --subnet 10.9.0.0/24 -o parent=eth0 -o ipvlan_mode=l3 beside",
    );
    assert.match(mac ?? "", /ipvlan interfaces do not support custom mac address assignment/);
    assert.match(macvlan ?? "", /^failed to create the macvlan port: parent interface eth0 carries ipvlan network "ipvlan_net"/);
    assert.match(mode ?? "", /is already using parent interface eth0 in ipvlan mode l2/);
    await h1.sh("timeout 60 docker rm -f mac || true");
  });

  await t.test("it goes without a trace", async () => {
    await both((host, index) => host.docker(`rm -f ${CONTAINERS[index].join(" ")}`, "network rm ipvlan_net"));
    for (const host of [h1, h2]) assert.doesNotMatch(await host.sh("ip -d link"), /ipvlan/);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { portName, VmLab } from "#lab";
import { APART, addressOf, type Family, LAN, NUMBERS, OPEN, REFLECTED, SAME_HOST, type Station } from "../experiments/reach.ts";
import { vmStage } from "./engine.ts";
import { reachAmong } from "./reach.ts";

const NAMES = [
  ["c11", "c12"],
  ["c21", "c22"],
] as const;

test("E15 ipvlan l3 and l3s: no neighbours, the hosts' routes decide", { skip: VmLab.missing() ?? false }, async (t) => {
  const stage = await vmStage();
  const { hosts, both } = stage;
  /** Two containers a host, each in a subnet of its own. */
  const address = (name: string, family: Family) => {
    if (name.startsWith("h")) return addressOf(name as Station, family);
    const [, host, container] = name;
    return family === 4 ? `10.${host}.${container}.10` : `fd0${host}:${container}::10`;
  };
  const reach = reachAmong(stage, address);
  for (const mode of ["l3", "l3s"]) {
    await t.test(mode, async () => {
      const subnets = (host: number) =>
        [0, 1].flatMap((net) => [`--subnet 10.${host + 1}.${net + 1}.0/24`, `--subnet fd0${host + 1}:${net + 1}::/64`]);
      await both((host, index) =>
        host.docker(
          `network create -d ipvlan --ipv6 ${subnets(index).join(" ")} -o parent=eth0 -o ipvlan_mode=${mode} routed`,
          ...NAMES[index].map(
            (name) => `run -itd --name ${name} --network routed --ip ${address(name, 4)} --ip6 ${address(name, 6)} busybox`,
          ),
        ),
      );
      const [routes, link] = await hosts[0].docker("exec c11 ip route", "exec c11 ip link show eth0");
      assert.match(routes, /^default dev eth0/m);
      assert.match(link, /NOARP/);
      await reach(SAME_HOST, `${mode}, no routes`);
      const route = (action: string) =>
        both((host, index) => {
          const [far, via] = [2 - index, 12 - index];
          return host.sh(
            `ip route ${action} 10.${far}.0.0/16 via 192.168.56.${via}; ip -6 route ${action} fd0${far}::/16 via fd56::${via}`,
          );
        });
      await route("add");
      await reach(LAN, `${mode}, static routes`);
      await route("del");
      await both((host, index) => host.docker(`rm -f ${NAMES[index].join(" ")}`, "network rm routed"));
    });
  }
});

test("E15 ipvlan l2 flags private and vepa, side by side on VLANs of one trunk", { skip: VmLab.missing() ?? false }, async (t) => {
  const stage = await vmStage();
  const { lab, hosts, both } = stage;
  /** A parent has one mode and flag: each flag has a VLAN of its own, and a container has a leg in each. */
  const flags = [
    { flag: "private", vlan: 31, reflected: REFLECTED },
    { flag: "vepa", vlan: 32, reflected: OPEN },
  ];
  const addressIn = (vlan: number) => (station: string, family: Family) =>
    `${family === 4 ? `10.${vlan}.0.` : `fd${vlan}::`}${NUMBERS[station as Station]}`;
  await both((host, index) =>
    host.docker(
      ...flags.map(
        ({ flag, vlan }) =>
          `network create -d ipvlan --subnet 10.${vlan}.0.0/24 --ipv6 --subnet fd${vlan}::/64 -o parent=eth0.${vlan} -o ipvlan_flag=${flag} ${flag}`,
      ),
      ...NAMES[index].map((name) => {
        const networks = flags.map(
          ({ flag, vlan }) => `--network name=${flag},ip=${addressIn(vlan)(name, 4)},ip6=${addressIn(vlan)(name, 6)}`,
        );
        return `run -itd --name ${name} ${networks.join(" ")} busybox`;
      }),
    ),
  );
  await both((host, index) =>
    host.sh(
      flags
        .map(
          ({ vlan }) =>
            `ip addr add 10.${vlan}.0.${11 + index}/24 dev eth0.${vlan}; ip addr add fd${vlan}::${11 + index}/64 dev eth0.${vlan} nodad`,
        )
        .join("\n"),
    ),
  );
  for (const reflectiveRelay of [false, true]) {
    await t.test(reflectiveRelay ? "a reflecting switch" : "a plain switch", async () => {
      for (const { name } of hosts) lab.switch.setPolicy(portName(name), { reflectiveRelay });
      for (const { flag, vlan, reflected } of flags) await reachAmong(stage, addressIn(vlan))(reflectiveRelay ? reflected : APART, flag);
      for (const { name } of hosts) lab.switch.setPolicy(portName(name), {});
    });
  }
  await both((host, index) => host.docker(`rm -f ${NAMES[index].join(" ")}`, "network rm private vepa"));
});

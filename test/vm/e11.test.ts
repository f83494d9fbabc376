import assert from "node:assert/strict";
import { test } from "node:test";
import { portName, VmLab } from "#lab";
import { APART, addressOf, type Family, LAN, LAN_SUBNETS, LOCKED, OPEN, REFLECTED, type Station } from "../experiments/reach.ts";
import { type VmHost, vmStage } from "./engine.ts";
import { reachAmong } from "./reach.ts";

const NAMES = [
  ["c11", "c12"],
  ["c21", "c22"],
] as const;
/** Three networks on one parent; a container has a leg in each. Mode bridge is on the LAN's own subnets, the others on 10.x.0.0/24 and fdx::/64. */
const MODES = ["bridge", "vepa", "private"] as const;
type Mode = (typeof MODES)[number];
const NET = { vepa: 61, private: 62 } as const;

const addressIn = (mode: Mode, station: Station, family: Family) => {
  const own = addressOf(station, family);
  return mode === "bridge" ? own : own.replace("192.168.56.", `10.${NET[mode]}.0.`).replace("fd56:", `fd${NET[mode]}:`);
};
/** Grid of passthru: a container takes its host's place on the LAN. */
const PASSTHRU = `
      h1  h2  c11 c21
  h1  -   X   X   X
  h2  X   -   X   X
  c11 X   X   -   ok
  c21 X   X   ok  -`;
const promiscuous = async (host: VmHost) => (Number(await host.sh("cat /sys/class/net/eth0/flags")) & 0x100) !== 0;
const macOf = (host: VmHost) => host.sh("cat /sys/class/net/eth0/address");

test("E09 to E11 macvlan on virtual machines: modes, and switches that reflect or let one MAC send", {
  skip: VmLab.missing() ?? false,
}, async (t) => {
  const stage = await vmStage();
  const { lab, h1, hosts, both } = stage;
  const policy = async (make: (host: VmHost) => Promise<Parameters<typeof lab.switch.setPolicy>[1]>) => {
    for (const host of hosts) lab.switch.setPolicy(portName(host.name), await make(host));
  };
  const hostAddresses = (action: "add" | "del") =>
    both((host, index) => {
      const of = (net: number) => [`10.${net}.0.${11 + index}/24 dev eth0`, `fd${net}::${11 + index}/64 dev eth0 nodad`];
      return host.sh(
        Object.values(NET)
          .flatMap(of)
          .map((address) => `ip addr ${action} ${address}`)
          .join("\n"),
      );
    });
  const reach = (mode: Mode, grid: string, what: string) =>
    reachAmong(stage, (station, family) => addressIn(mode, station as Station, family))(grid, `${mode}, ${what}`);

  await both((host, index) =>
    host.docker(
      `network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 bridge_net`,
      ...(["vepa", "private"] as const).map(
        (mode) =>
          `network create -d macvlan --subnet 10.${NET[mode]}.0.0/24 --ipv6 --subnet fd${NET[mode]}::/64 -o parent=eth0 -o macvlan_mode=${mode} ${mode}_net`,
      ),
      ...NAMES[index].map((name) => {
        const legs = MODES.map((mode) => `--network name=${mode}_net,ip=${addressIn(mode, name, 4)},ip6=${addressIn(mode, name, 6)}`);
        // A container answers on each leg for all its IPv4 addresses, and one mode would do the work of another.
        return `run -itd --name ${name} --sysctl net.ipv4.conf.all.arp_ignore=1 ${legs.join(" ")} busybox`;
      }),
    ),
  );
  await hostAddresses("add");

  await t.test("a virtual NIC is made promiscuous by itself", async () => {
    assert.deepEqual(await both(promiscuous), [true, true]);
  });
  await t.test("mode bridge: all but host and own container, IPv4 and IPv6", () => reach("bridge", LAN, "plain switch"));
  await t.test("modes vepa and private: containers of one host are apart too", async () => {
    await reach("vepa", APART, "plain switch");
    await reach("private", APART, "plain switch");
  });
  await t.test("a reflecting switch joins those of mode vepa, and not those of mode private", async () => {
    await policy(async () => ({ reflectiveRelay: true }));
    await reach("vepa", OPEN, "reflecting switch");
    await reach("private", REFLECTED, "reflecting switch");
  });
  await t.test("ports that let the host's MAC send alone cut containers off from other hosts", async () => {
    await policy(async (host) => ({ lockedMac: await macOf(host) }));
    await reach("bridge", LOCKED, "locked ports");
    await policy(async () => ({}));
    await reach("bridge", LAN, "plain switch again");
  });
  await t.test("they go, and the NIC is as it was", async () => {
    await both((host, index) => host.docker(`rm -f ${NAMES[index].join(" ")}`, "network rm bridge_net vepa_net private_net"));
    await hostAddresses("del");
    assert.deepEqual(await both(promiscuous), [false, false]);
    for (const host of hosts) assert.doesNotMatch(await host.sh("ip -d link"), /macvlan/);
  });

  await t.test("mode passthru: one container a parent, with the parent's MAC", async () => {
    const macs = await both(macOf);
    const inside = await both(async (host, index) => {
      const name = NAMES[index][0];
      const [, , mac] = await host.docker(
        `network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 -o macvlan_mode=passthru pass`,
        `run -itd --name ${name} --network pass --ip ${addressOf(name, 4)} --ip6 ${addressOf(name, 6)} busybox`,
        `exec ${name} cat /sys/class/net/eth0/address`,
      );
      return mac;
    });
    assert.deepEqual(inside, macs);
    const [second, another] = await h1.dockerFails(
      "run -d --name second --network pass --ip 192.168.56.33 busybox",
      "network create -d macvlan --subnet 10.9.0.0/24 -o parent=eth0 -o macvlan_mode=passthru more",
    );
    assert.match(second ?? "", /passthru|EINVAL|Invalid argument/);
    assert.match(another ?? "", /^cannot use mode passthru, macvlan network [0-9a-f]{64} is already using parent interface eth0$/);
    await reach("bridge", PASSTHRU, "passthru");
    await both((host, index) => host.docker(`rm -f ${NAMES[index][0]} ${index === 0 ? "second" : ""}`, "network rm pass"));
    await reach("bridge", "  h1 h2\nh1 - ok\nh2 ok -", "the hosts have their LAN back");
    assert.deepEqual(await both(macOf), macs);
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { portName, VmLab } from "#lab";
import type { Family } from "../experiments/reach.ts";
import { vmStage } from "./engine.ts";
import { reachAmong } from "./reach.ts";
import { Wire } from "./wire.ts";

const RECIPE = `${import.meta.dirname}/../../docs/recipes/vlan-router.md`;
/** A block of the recipe, ```` ```sh NAME ````. */
const block = (name: string): string => {
  const match = new RegExp(`^\`\`\`sh ${name}\\n([\\s\\S]*?)^\`\`\``, "m").exec(readFileSync(RECIPE, "utf8"));
  if (!match) throw new Error(`The recipe has no block ${name}`);
  return match[1] ?? "";
};

/** c10 and c20 on h1, c11 and c21 on h2: the first digit is the VLAN. */
const PARTED = `
       c10 c11 c20 c21
  c10  -   ok  X   X
  c11  ok  -   X   X
  c20  X   X   -   ok
  c21  X   X   ok  -`;
const JOINED = PARTED.replaceAll("X", "ok");
/** With c112, which is on h2 as well, but behind a port of VLAN 10 alone. */
const WITH_ACCESS = `
       c10 c11 c20 c21 c112
  c10  -   ok  X   X   ok
  c11  ok  -   X   X   ok
  c20  X   X   -   ok  X
  c21  X   X   ok  -   X
  c112 ok  ok  X   X   -`;
const PLACES = [
  ["c10", "c20"],
  ["c11", "c21"],
] as const;

/** Ranges, because two networks of one host share a subnet below. */
const network = (driver: string, vlan: number) =>
  `network create -d ${driver} --subnet 172.16.${vlan}.0/24 --ip-range 172.16.${vlan}.0/26 --gateway 172.16.${vlan}.1 ` +
  `--ipv6 --subnet fd${vlan}::/64 --ip-range fd${vlan}::/120 --gateway fd${vlan}::1 -o parent=eth0.${vlan} net${vlan}`;
const ACCESS =
  "network create -d macvlan --subnet 172.16.10.0/24 --ip-range 172.16.10.64/26 --gateway 172.16.10.1 " +
  "--ipv6 --subnet fd10::/64 --ip-range fd10::100/120 --gateway fd10::1 -o parent=eth1 access";
const vlanOf = (name: string) => `${name[1]}0`;
const addressOf = (name: string, family: Family) => `${family === 4 ? `172.16.${vlanOf(name)}.` : `fd${vlanOf(name)}::`}${name.slice(1)}`;
const runIn = (net: string, name: string) =>
  `run -itd --name ${name} --network ${net} --ip ${addressOf(name, 4)} --ip6 ${addressOf(name, 6)} busybox`;

test("E12 VLANs: one network each, its sub-interface made and removed, a router between them", {
  skip: VmLab.missing() ?? false,
}, async (t) => {
  const stage = await vmStage();
  const { lab, h1, h2, both } = stage;
  const reach = reachAmong(stage, addressOf, (station) => (station.endsWith("0") ? h1 : h2));
  const start = (driver: string) =>
    both((host, index) =>
      host.docker(network(driver, 10), network(driver, 20), ...PLACES[index].map((name) => runIn(`net${vlanOf(name)}`, name))),
    );
  const clear = () => both((host, index) => host.docker(`rm -f ${PLACES[index].join(" ")}`, "network rm net10 net20"));
  /** The recipe's router, in a namespace of h1 with a port of its own on the switch. */
  const withRouter = async (act: () => Promise<void>) => {
    const trunk = block("router").replace("TRUNK=eth0", "TRUNK=eth1");
    assert.match(trunk, /^TRUNK=eth1$/m);
    await h1.sh("ip netns add router; ip link set eth1 netns router");
    try {
      await h1.sh(`ip netns exec router sh -e <<'SCRIPT'\n${trunk}\n${block("firewall")}\nSCRIPT`);
      await act();
    } finally {
      await h1.sh("ip -n router link set eth1 netns 1; ip netns del router");
    }
  };

  await start("macvlan");
  await t.test("eth0.10 and eth0.20 are made with the networks", async () => {
    const links = await h1.sh("ip -d link show eth0.10; ip -d link show eth0.20");
    assert.match(links, /eth0\.10@eth0: <[^>]*\bUP\b[\s\S]*vlan protocol 802\.1Q id 10 /);
    assert.match(links, /eth0\.20@eth0: <[^>]*\bUP\b[\s\S]*vlan protocol 802\.1Q id 20 /);
  });
  await t.test("one VLAN pings across hosts, two are parted", () => reach(PARTED, "no router"));

  await t.test("they are back with all that hung on them when the daemon starts after they were lost", async () => {
    await h1.crashDaemon("ip link del eth0.10");
    assert.match(await h1.sh("ip -d link show eth0.10"), /vlan protocol 802\.1Q id 10 /);
    await reach(PARTED, "after the restart");
  });

  await t.test("frames have their VLAN's tag on a trunk, and none behind an access port", async () => {
    lab.switch.setPolicy(portName("h2", 1), { accessVlan: 10 });
    await h2.sh("ip link set eth1 up");
    await h2.docker(ACCESS, runIn("access", "c112"));
    {
      using one = new Wire(lab.switch, portName("h1"));
      using other = new Wire(lab.switch, portName("h2"));
      using access = new Wire(lab.switch, portName("h2", 1));
      await reach(WITH_ACCESS, "an access port");
      const from10 = ["172.16.10.10", "172.16.10.11", "172.16.10.112"];
      const tagged = [...from10.map((address) => `10 ${address}`), "20 172.16.20.20", "20 172.16.20.21"];
      for (const trunk of [one, other]) assert.deepEqual([...trunk.senders].sort(), tagged);
      assert.deepEqual(
        [...access.senders].sort(),
        from10.map((address) => `0 ${address}`),
      );
      assert.deepEqual([...access.tags], [0]);
    }
    await h2.docker("rm -f c112", "network rm access");
    await h2.sh("ip link set eth1 down");
    lab.switch.setPolicy(portName("h2", 1), {});
  });

  await t.test("the recipe's router makes them ping, and is seen on the way", () =>
    withRouter(async () => {
      await reach(JOINED, "with the router");
      const pid = (await h2.pids(["c11"])).get("c11");
      assert.match(await h2.sh(`nsenter -t ${pid} -n ping -c 1 -t 1 172.16.20.20 || true`), /From 172\.16\.10\.1 .*Time to live exceeded/);
    }),
  );

  await t.test("they go with the last network; one that was there before stays", async () => {
    await clear();
    for (const host of [h1, h2]) assert.doesNotMatch(await host.sh("ip -o link"), /eth0\.\d/);
    await h1.sh("ip link add link eth0 name eth0.50 type vlan id 50");
    const create = (parent: string, index: number) => `network create -d macvlan --subnet 10.5.${index}.0/24 -o parent=${parent} p${index}`;
    await h1.docker(...["eth0.50", "eth0.1", "eth0.4094", "eth0.1"].map(create));
    const made = await h1.sh("ip -o -d link");
    for (const id of [1, 50, 4094]) assert.match(made, new RegExp(`eth0\\.${id}@eth0: .*802\\.1Q id ${id} `));
    await h1.docker("network rm p0 p1 p2");
    assert.match(await h1.sh("ip -o link"), /eth0\.1@[\s\S]*eth0\.50@|eth0\.50@[\s\S]*eth0\.1@/, "p3 has eth0.1 still");
    await h1.docker("network rm p3");
    assert.deepEqual((await h1.sh("ip -o link")).match(/eth0\.\d+/g), ["eth0.50"]);
    await h1.sh("ip link del eth0.50");
  });

  await t.test("error words", async () => {
    const fails = ["eth0.0", "eth0.4095", "eth0.4096", "eth0.x", "nope0.10"].map(
      (parent) => `network create -d ipvlan -o parent=${parent} bad`,
    );
    assert.deepEqual(await h1.dockerFails(...fails), [
      "vlan id must be between 1-4094, received: 0",
      "vlan id must be between 1-4094, received: 4095",
      "vlan id must be between 1-4094, received: 4096",
      "unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)",
      "-o parent interface was not found on the host: nope0",
    ]);
  });

  await t.test("the same with ipvlan, and the same router", async () => {
    await start("ipvlan");
    await reach(PARTED, "ipvlan");
    await withRouter(() => reach(JOINED, "ipvlan with the router"));
    await clear();
    for (const host of [h1, h2]) assert.doesNotMatch(await host.sh("ip -o link"), /eth0\.\d/);
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { VmLab } from "#lab";
import { vmStage } from "./engine.ts";
import { assertReach } from "./reach.ts";

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
const PLACES = [
  { c10: 10, c20: 20 },
  { c11: 11, c21: 21 },
] as const;

const network = (driver: string, vlan: number) =>
  `network create -d ${driver} --subnet 172.16.${vlan}.0/24 --gateway 172.16.${vlan}.1 ` +
  `--ipv6 --subnet fd${vlan}::/64 --gateway fd${vlan}::1 -o parent=eth0.${vlan} net${vlan}`;
const vlanOf = (name: string) => `${name[1]}0`;

test("E12 VLANs: one network each, its sub-interface made and removed, a router between them", {
  skip: VmLab.missing() ?? false,
}, async (t) => {
  const { h1, h2, both } = await vmStage();

  const address = (name: string, last: number, family: 4 | 6) =>
    family === 4 ? `172.16.${vlanOf(name)}.${last}` : `fd${vlanOf(name)}::${last}`;
  const start = (driver: string) =>
    both((host, index) =>
      host.docker(
        network(driver, 10),
        network(driver, 20),
        ...Object.entries(PLACES[index]).map(
          ([name, last]) =>
            `run -itd --name ${name} --network net${vlanOf(name)} --ip ${address(name, last, 4)} --ip6 ${address(name, last, 6)} busybox`,
        ),
      ),
    );
  const clear = () => both((host, index) => host.docker(`rm -f ${Object.keys(PLACES[index]).join(" ")}`, "network rm net10 net20"));
  const reach = async (grid: string, what: string) => {
    for (const family of [4, 6] as const) {
      const ends = await both((host, index) =>
        host.ends(Object.fromEntries(Object.entries(PLACES[index]).map(([name, last]) => [name, address(name, last, family)]))),
      );
      await assertReach(
        ends.flat().sort((a, b) => a.name.localeCompare(b.name)),
        grid,
        `${what}, IPv${family}`,
      );
    }
  };
  const router = (script: string) => h1.sh(`ip netns exec router sh -e <<'SCRIPT'\n${script}\nSCRIPT`);

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

  await t.test("the recipe's router makes them ping, and is seen on the way", async () => {
    await h1.sh("ip netns add router; ip link set eth1 netns router");
    const trunk = block("router").replace("TRUNK=eth0", "TRUNK=eth1");
    assert.match(trunk, /^TRUNK=eth1$/m);
    try {
      await router(`${trunk}\n${block("firewall")}`);
      await reach(JOINED, "with the router");
      const [pid] = await h2.docker("inspect -f '{{.State.Pid}}' c11");
      assert.match(await h2.sh(`nsenter -t ${pid} -n ping -c 1 -t 1 172.16.20.20 || true`), /From 172\.16\.10\.1 .*Time to live exceeded/);
    } finally {
      await h1.sh("ip -n router link set eth1 netns 1; ip netns del router");
    }
  });

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

  await t.test("the same with ipvlan", async () => {
    await start("ipvlan");
    await reach(PARTED, "ipvlan");
    await clear();
    for (const host of [h1, h2]) assert.doesNotMatch(await host.sh("ip -o link"), /eth0\.\d/);
  });
});

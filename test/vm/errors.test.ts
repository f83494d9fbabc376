import assert from "node:assert/strict";
import { test } from "node:test";
import { VmLab } from "#lab";
import { vmStage } from "./engine.ts";

const skip = { skip: VmLab.missing() ?? false };
const links = "ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/\\1/' | sort";

test("VLAN parents: names with dots and of 15 characters; `fairway.host_access` asks a VLAN that is only just made", skip, async (t) => {
  const { h1, h2 } = await vmStage();
  const before = await h1.sh(links);

  await t.test("names: the last dot counts where the link before it is there", async () => {
    await h1.sh("for name in up.lan abcdefghij; do ip link add name $name type veth peer name p-$name; ip link set $name up; done");
    const parents = ["up.lan.7", "abcdefghij.4094"];
    await h1.docker(
      ...parents.map((parent, index) => `network create -d macvlan --subnet 10.8.${index}.0/24 -o parent=${parent} n${index}`),
    );
    const made = await h1.sh("ip -o -d link");
    assert.match(made, /up\.lan\.7@up\.lan: .*802\.1Q id 7 /);
    assert.match(made, /abcdefghij\.4094@abcdefghij: .*802\.1Q id 4094 /);
    const [long, twice, both] = await h1.dockerFails(
      "network create -d macvlan --subnet 10.8.9.0/24 -o parent=abcdefghij.10000 bad",
      "network create -d macvlan --subnet 10.8.9.0/24 -o parent=no.lan.7 bad",
      "network create -d ipvlan --subnet 10.8.9.0/24 -o parent=up.lan.7 bad",
    );
    assert.equal(long, "vlan id must be between 1-4094, received: 10000");
    assert.equal(twice, "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received no.lan.7");
    assert.match(both ?? "", /^failed to create the ipvlan port: parent interface up\.lan\.7 carries macvlan network "n0"/);
    await h1.docker("network rm n0 n1");
    await h1.sh("ip link del up.lan; ip link del abcdefghij");
  });

  await t.test("host access: an address that the VLAN's stations have is refused by name, and passed over otherwise", async () => {
    await h2.sh("ip link add link eth0 name eth0.30 type vlan id 30; ip addr add 10.30.0.1/24 dev eth0.30; ip link set eth0.30 up");
    const mac = await h2.sh("cat /sys/class/net/eth0/address");
    const create = "network create -d macvlan --subnet 10.30.0.0/24 -o parent=eth0.30 -o fairway.host_access=true";
    const [words] = await h1.dockerFails(`${create} --aux-address fairway.host_access=10.30.0.1 access`);
    assert.equal(words, `Address already in use: 10.30.0.1 is held by ${mac} on the LAN`);
    assert.equal(await h1.sh(links), before, "nor is the VLAN left");
    const [, own] = await h1.docker(
      `${create} access`,
      "network inspect -f '{{range .IPAM.Config}}{{index .AuxiliaryAddresses \"fairway.host_access\"}}{{end}}' access",
    );
    assert.equal(own, "10.30.0.2");
    await h1.docker("run -itd --name c1 --network access --ip 10.30.0.31 busybox");
    assert.match(await h1.sh("ping -c 1 -W 5 10.30.0.31"), /1 received/);
    assert.match(await h2.sh("ping -c 1 -W 5 10.30.0.31"), /1 received/);
    await h1.docker("rm -f c1", "network rm access");
    await h2.sh("ip link del eth0.30");
  });

  assert.equal(await h1.sh(links), before);
});

for (const driver of ["macvlan", "ipvlan"]) {
  test(
    `${driver} on a VLAN whose master vanishes while it is in use: containers run on, and are reached again when it is back`,
    skip,
    async () => {
      const { h1 } = await vmStage();
      const before = await h1.sh(links);
      const plug = () =>
        h1.sh(`ip link add name up0 type veth peer name far; ip link set up0 up; ip link set far up
        ip link add link far name far.10 type vlan id 10; ip addr add 10.60.0.1/24 dev far.10; ip link set far.10 up`);
      await plug();
      await h1.docker(
        `network create -d ${driver} --subnet 10.60.0.0/24 -o parent=up0.10 away`,
        "run -itd --name a1 --network away --ip 10.60.0.31 busybox",
      );
      const reached = "ping -q -c 1 -W 5 10.60.0.31";
      assert.match(await h1.sh(reached), /1 received/);
      await h1.sh("ip link del up0");
      const [words] = await h1.dockerFails("run --rm --network away busybox true");
      assert.match(words ?? "", /up0/);
      await h1.crashDaemon();
      assert.deepEqual(await h1.docker("inspect -f '{{.State.Running}}' a1"), ["true"]);
      await plug();
      assert.match(await h1.sh(`until ${reached}; do sleep 0.5; done`), /1 received/);
      await h1.docker("rm -f a1", "network rm away");
      await h1.sh("ip link del up0");
      assert.equal(await h1.sh(links), before);
    },
  );
}

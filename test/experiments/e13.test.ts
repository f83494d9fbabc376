import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Host, hostEnd, ping } from "#lab";
import { BLOCKED, PINGS, pingFrom } from "./clients.ts";
import { lanStage } from "./lan-stage.ts";
import { CONTAINER_NAMES, LAN, LAN_SUBNETS, OPEN } from "./reach.ts";

const links = (host: Host) => host.sh("ip -o link | sed -E 's/^[0-9]+: ([^:]+): .*/\\1/' | sort");

test("E13 parents: fairway.host_access flips exactly host to own container", async (t) => {
  const stage = await lanStage(t);
  const { h1, h2 } = stage;
  const before = await links(h1);

  await t.test("without it the host is blocked from its own, with it nobody is", async () => {
    await stage.createLan("macvlan", "-o parent=eth0");
    await stage.run(...CONTAINER_NAMES);
    await stage.reach(LAN, "without host access");
    await stage.clear();
    await stage.createLan("macvlan", "-o parent=eth0 -o fairway.host_access=true");
    await stage.run(...CONTAINER_NAMES);
    await stage.reach(OPEN, "with host access");
  });

  await t.test("it is a macvlan sub-interface of the host's on eth0, with a way to each container alone", async () => {
    const id = await h1.dockerOutput("network inspect -f '{{.Id}}' lan");
    const name = `fw-${id.slice(0, 12)}`;
    assert.match(await h1.sh(`ip -d link show ${name}`), new RegExp(`${name}@eth0: .*UP[\\s\\S]*macvlan mode bridge`));
    assert.match(await h1.sh("ip route get 192.168.56.31"), new RegExp(`^192\\.168\\.56\\.31 dev ${name} `));
    assert.match(await h1.sh("ip route get 192.168.56.41"), /^192\.168\.56\.41 dev eth0 /);
    assert.match(await h1.sh("ip -6 route get fd56::31"), new RegExp(`^fd56::31 .*dev ${name} `));
    const mac = await h1.sh("cat /sys/class/net/eth0/address");
    assert.match(await h2.sh("ip neigh show 192.168.56.11"), new RegExp(mac), "the LAN knows the host by its own MAC");
  });

  await t.test("it is back when the parent was down and when the daemon was killed", async () => {
    await h1.sh("ip link set eth0 down; sleep 0.2; ip link set eth0 up; ip addr replace fd56::11/64 dev eth0 nodad");
    await waitFor(async () => (await h1.sh("ip route show dev $(ip -o link | grep -o 'fw-[0-9a-f]*')")).includes("192.168.56.31"));
    await stage.reach(OPEN, "after the parent was down");
    await h1.daemon.kill();
    await h1.daemon.start();
    await stage.reach(OPEN, "after the daemon was killed");
    await h1.daemon.kill();
    await h1.sh("ip link del $(ip -o link | grep -o 'fw-[0-9a-f]*')");
    await h1.daemon.start();
    await stage.reach(OPEN, "after it was gone, as after a reboot");
  });

  await t.test("it is there where the host answers ARP for an interface's own addresses alone", async () => {
    await h1.sh("sysctl -qw net.ipv4.conf.all.arp_ignore=1");
    for (const name of ["c11", "c12"]) await h1.docker(`restart -t 0 ${name}`);
    await stage.reach(OPEN, "with arp_ignore=1", [4]);
  });

  await t.test("it follows the host's addresses while containers run", async () => {
    await h1.sh("ip addr add 192.168.56.13/24 dev eth0; ip addr add fd56::13/64 dev eth0 nodad");
    const known = async () => {
      const neighbours = await h1.sh(
        `nsenter -t ${await h1.dockerOutput("inspect -f '{{.State.Pid}}' c11")} -n ip neigh show nud permanent`,
      );
      return ["192.168.56.13", "fd56::13"].filter((address) => neighbours.includes(`${address} dev`)).length;
    };
    await waitFor(async () => (await known()) === 2);
    for (const address of ["192.168.56.13", "fd56::13"]) assert.deepEqual(await pingFrom(h1, "c11", address), PINGS, address);
    await h1.sh("ip addr del 192.168.56.13/24 dev eth0; ip addr del fd56::13/64 dev eth0; sysctl -qw net.ipv4.conf.all.arp_ignore=0");
    await waitFor(async () => (await known()) === 0);
  });

  await t.test("it goes with the network", async () => {
    await stage.clear();
    assert.equal(await links(h1), before);
  });

  await t.test("modes that cannot have it say so", async () => {
    for (const mode of ["private", "vepa", "passthru"]) {
      assert.match(
        await stage.dockerFails(
          h1,
          `network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 -o macvlan_mode=${mode} -o fairway.host_access=true no`,
        ),
        new RegExp(`fairway.host_access cannot work with macvlan_mode=${mode}, .*: use macvlan_mode=bridge`),
      );
    }
  });
});

test("E13 parents: names that cannot be, and parents that vanish", async (t) => {
  const stage = await lanStage(t);
  const { h1, h2, lab } = stage;
  const before = await h1.state();

  await t.test("error words", async () => {
    const cases: readonly [string, RegExp][] = [
      ["parent=eth0.0", /^vlan id must be between 1-4094, received: 0$/],
      ["parent=eth0.4095", /^vlan id must be between 1-4094, received: 4095$/],
      ["parent=eth0.4096", /^vlan id must be between 1-4094, received: 4096$/],
      ["parent=eth0.9999", /^vlan id must be between 1-4094, received: 9999$/],
      ["parent=eth0.a", /^unable to parse a valid vlan id from: a \(ex\. eth0\.10 for vlan 10\)$/],
      ["parent=nope0", /^invalid subinterface vlan name nope0, example formatting is eth0\.10$/],
      ["parent=nope0.10", /^-o parent interface was not found on the host: nope0$/],
      ["parent=eth0.1.2", /^required interface name format is: name\.vlan_id, ex\. eth0\.10 for vlan 10, instead received eth0\.1\.2$/],
      ["parent=lo", /^loopback interface is not a valid macvlan parent link$/],
      ["macvlan_mode=zz", /^requested macvlan mode 'zz' is not valid, 'bridge' mode is the macvlan driver default$/],
      ["parent=averyveryverylongname", /^invalid subinterface vlan name averyveryverylongname, example formatting is eth0\.10$/],
    ];
    for (const [option, words] of cases)
      assert.match(await stage.dockerFails(h1, `network create -d macvlan --subnet 10.8.0.0/24 -o ${option} bad`), words, option);
    assert.match(
      await stage.dockerFails(h1, "network create -d ipvlan --subnet 10.8.0.0/24 -o parent=lo bad"),
      /^loopback interface is not a valid ipvlan/,
    );
    for (const [option, words] of [
      ["ipvlan_mode=zz", /^requested ipvlan mode 'zz' is not valid, 'l2' mode is the ipvlan driver default$/],
      ["ipvlan_flag=zz", /^requested ipvlan flag 'zz' is not valid, 'bridge' is the ipvlan driver default$/],
      ["fairway.address_probe=slow", /^invalid value for fairway\.address_probe: "slow" \(must be one of quick, full, off\)$/],
      ["fairway.promiscuous=kept2", /^invalid value for fairway\.promiscuous: "kept2" \(must be one of auto, true, false\)$/],
      [
        "fairway.host_access=maybe",
        /^failed to parse fairway\.host_access value: maybe \(strconv\.ParseBool: parsing "maybe": invalid syntax\)$/,
      ],
      [
        "fairway.host_access=true -o ipvlan_flag=private",
        /^fairway\.host_access cannot work with ipvlan_flag=private, .*: use ipvlan_flag=bridge$/,
      ],
    ] as const)
      assert.match(
        await stage.dockerFails(h1, `network create -d ipvlan --subnet 10.8.0.0/24 -o parent=eth0 -o ${option} bad`),
        words,
        option,
      );
    assert.doesNotMatch(await h1.dockerOutput("network ls"), / bad /);
  });

  await t.test("a parent's name of 15 characters that would be 16 with its VLAN", async () => {
    await h1.sh(
      "ip link add name abcdefghijkl type veth peer name abcdefghijklmno; ip link set abcdefghijkl up; ip link set abcdefghijklmno up",
    );
    assert.match(
      await stage.dockerFails(h1, "network create -d macvlan --subnet 10.8.0.0/24 -o parent=abcdefghijkl.100 bad"),
      /^failed to create abcdefghijkl\.100 vlan link: numerical result out of range: an interface name has at most 15 characters$/,
    );
  });

  await t.test("names with dots and of 15 characters are parents, where the link is there", async () => {
    await h1.sh("ip link add name br.lan.7 type veth peer name peer7; ip link set br.lan.7 up; ip link set peer7 up");
    for (const [index, parent] of ["br.lan.7", "abcdefghijklmno"].entries()) {
      await h1.docker(`network create -d macvlan --subnet 10.8.${index}.0/24 -o parent=${parent} n${index}`);
      for (const last of [2, 3]) await h1.docker(`run -itd --name d${index}${last} --network n${index} --ip 10.8.${index}.${last} busybox`);
      assert.deepEqual(await pingFrom(h1, `d${index}2`, `10.8.${index}.3`), PINGS, parent);
      await h1.docker(`rm -f d${index}2 d${index}3`);
      await h1.docker(`network rm n${index}`);
    }
    assert.match(
      await h1.sh("ip -o link"),
      /abcdefghijklmno[@:][\s\S]*br\.lan\.7[@:]|br\.lan\.7[@:][\s\S]*abcdefghijklmno[@:]/,
      "a parent of others' stays",
    );
    await h1.sh("ip link del br.lan.7; ip link del abcdefghijkl");
  });

  await t.test("a parent that others have is refused, in plain words", async () => {
    const refused = (options: string) => stage.dockerFails(h1, `network create --subnet 10.9.0.0/24 -o parent=${options} second`);
    await h1.docker("network create -d macvlan --subnet 10.8.0.0/24 -o parent=eth0 first");
    assert.match(
      await refused("eth0 -d ipvlan"),
      /^failed to create the ipvlan port: parent interface eth0 carries macvlan network "first" \([0-9a-f]{12}\), and an interface carries macvlan or ipvlan, not both$/,
    );
    await h1.docker("network rm first");
    const id = await h1.dockerOutput("network create -d ipvlan --subnet 10.8.0.0/24 -o parent=eth0 first");
    assert.match(
      await refused("eth0 -d macvlan"),
      /^failed to create the macvlan port: parent interface eth0 carries ipvlan network "first"/,
    );
    assert.match(
      await refused("eth0 -d ipvlan -o ipvlan_mode=l3"),
      new RegExp(
        `^network di-${id.slice(0, 12)} is already using parent interface eth0 in ipvlan mode l2 with flag bridge, .*: use -o ipvlan_mode=l2`,
      ),
    );
    assert.match(
      await stage.dockerFails(h1, "run --rm --network first --mac-address 02:00:00:00:00:09 busybox true"),
      /ipvlan interfaces do not support custom mac address assignment/,
    );
    await h1.docker("network rm first");
    await h1.sh(
      "ip link add mv0 link eth0 type macvlan mode bridge; ip link add br9 type bridge; ip link add p9 type veth peer name q9; ip link set p9 master br9",
    );
    assert.match(
      await refused("eth0 -d macvlan -o macvlan_mode=passthru"),
      /^failed to create the macvlan port: mode passthru allows one macvlan on a parent, and eth0 carries mv0$/,
    );
    assert.match(
      await refused("eth0 -d ipvlan"),
      /^failed to create the ipvlan port: parent interface eth0 carries macvlan mv0, and an interface carries macvlan or ipvlan, not both$/,
    );
    assert.match(
      await refused("p9 -d macvlan"),
      /^failed to create the macvlan port: interface p9 is a port of br9 \(bridge\): use -o parent=br9$/,
    );
    await h1.sh("ip link del mv0; ip link del br9; ip link del p9");
  });

  await t.test("a parent that vanishes while in use: containers run on, and reach the LAN again when it is back", async () => {
    await lab.addSwitch("spare");
    await lab.addNic("h1", { switch: "spare" });
    await lab.addNic("h2", { switch: "spare", address: "10.8.0.12/24" });
    await h1.docker("network create -d macvlan --subnet 10.8.0.0/24 -o parent=eth1 -o fairway.host_access=true away");
    await h1.docker("run -itd --name a1 --network away --ip 10.8.0.31 busybox");
    const far = hostEnd(h2, "10.8.0.12");
    assert.deepEqual(await ping(far, "10.8.0.31"), PINGS);

    await h1.sh("ip link del eth1");
    assert.equal(await h1.dockerOutput("inspect -f '{{.State.Running}}' a1"), "true");
    assert.deepEqual(await ping(far, "10.8.0.31"), BLOCKED);
    assert.match(await stage.dockerFails(h1, "run -d --name a2 --network away busybox"), /no link eth1|parent interface .*eth1/);
    await h1.docker("rm -f a2", { allowFailure: true });
    await h1.daemon.restart();
    assert.equal(await h1.dockerOutput("inspect -f '{{.State.Running}}' a1"), "true", "a network is restored on a host whose NIC is gone");

    await lab.addNic("h1", { switch: "spare" }, 1);
    await waitFor(async () => (await ping(far, "10.8.0.31")).received > 0);
    assert.deepEqual(await ping(hostEnd(h1, ""), "10.8.0.31"), PINGS, "host access is back too");
    assert.equal(await h1.dockerOutput("exec a1 cat /sys/class/net/eth0/address"), "02:42:0a:08:00:1f");
    await h1.docker("rm -f a1");
    await h1.docker("network rm away");
    await h1.sh("ip link del eth1");
  });

  await t.test("nothing is left", async () => {
    const { links: now } = await h1.state();
    assert.deepEqual(now, before.links);
  });
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(100);
}

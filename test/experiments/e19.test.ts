import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "#lab";
import { PINGS, pingFrom } from "./clients.ts";
import { lanStage } from "./lan-stage.ts";
import { CONTAINER_NAMES, LAN, LAN_SUBNETS, LOCKED } from "./reach.ts";
import { HOST_ADDRESS, OUTSIDE_ADDRESS, stage } from "./stage.ts";

const addressesOf = async (host: Host, container: string) =>
  (
    await host.dockerOutput(`inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}' ${container}`)
  ).split(" ");

test("E19 a switch port that lets one MAC send: macvlan's containers are cut off from other hosts, and the host is not", async (t) => {
  const stage = await lanStage(t);
  await stage.createLan("macvlan", "-o parent=eth0");
  await stage.run(...CONTAINER_NAMES);
  await stage.reach(LAN, "plain ports");
  for (const name of ["h1", "h2"]) {
    const lockedMac = await stage.lab.host(name).sh("cat /sys/class/net/eth0/address");
    await stage.lab.setPort(name, { lockedMac });
  }
  await stage.reach(LOCKED, "locked ports");
  for (const name of ["h1", "h2"]) await stage.lab.setPort(name);
  await stage.reach(LAN, "plain ports again");
});

test("E19 addresses that somebody on the LAN has are never handed out, and one that appears later is told", async (t) => {
  const stage = await lanStage(t);
  const { lab, h1, h2 } = stage;
  // A machine that nobody told Fairway of: it has the pool's first addresses.
  const squatter = await lab.addHost("squatter", { nics: [{ switch: "lan", address: "192.168.56.2/24" }] });
  await squatter.sh("ip addr add 192.168.56.3/24 dev eth0; ip addr add fd56::1/64 dev eth0 nodad; ip addr add fd56::2/64 dev eth0 nodad");
  const mac = await squatter.sh("cat /sys/class/net/eth0/address");
  await h1.docker(`network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 lan`);

  await t.test("the pool's first addresses are a neighbour's, so the next are given", async () => {
    await h1.docker("run -itd --name c1 --network lan busybox");
    assert.deepEqual(await addressesOf(h1, "c1"), ["192.168.56.4", "fd56::3"]);
    assert.deepEqual(await pingFrom(h1, "c1", "192.168.56.2"), PINGS, "the neighbour keeps its address");
  });

  await t.test("an address that was asked for by name is refused, with the MAC of who has it", async () => {
    for (const [flag, address] of [
      ["--ip", "192.168.56.3"],
      ["--ip6", "fd56::2"],
    ]) {
      const words = await stage.dockerFails(h1, `run -d --name bad --network lan ${flag} ${address} busybox`);
      await h1.docker("rm -f bad");
      assert.match(words, new RegExp(`Address already in use: ${address} is held by .*${mac}`));
    }
  });

  await t.test("so are the host's own addresses, and the gateway's", async () => {
    assert.match(
      await stage.dockerFails(h1, "run -d --name bad --network lan --ip 192.168.56.11 busybox"),
      /Address already in use: 192\.168\.56\.11 is held by interface eth0 of this host/,
    );
    await h1.docker("rm -f bad", { allowFailure: true });
    assert.match(await stage.dockerFails(h1, "run -d --name bad --network lan --ip 192.168.56.1 busybox"), /Address already in use/);
    await h1.docker("rm -f bad", { allowFailure: true });
  });

  await t.test("the same when a running container joins", async () => {
    await h1.docker("run -itd --name joiner busybox");
    assert.match(
      await stage.dockerFails(h1, "network connect --ip 192.168.56.3 lan joiner"),
      new RegExp(`Address already in use: 192\\.168\\.56\\.3 is held by ${mac}`),
    );
    // Addresses that nobody knew to be taken until now.
    await squatter.sh("ip addr add 192.168.56.5/24 dev eth0; ip addr add fd56::4/64 dev eth0 nodad");
    await h1.docker("network connect lan joiner");
    const joined = '{{with index .NetworkSettings.Networks "lan"}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}';
    assert.equal(await h1.dockerOutput(`inspect -f '${joined}' joiner`), "192.168.56.6 fd56::5");
    assert.deepEqual(await pingFrom(h1, "joiner", "192.168.56.12"), PINGS);
    await h1.docker("network disconnect lan joiner");
    assert.equal(await h1.dockerOutput(`inspect -f '${joined}' joiner`), "");
    await squatter.sh("ip addr del 192.168.56.5/24 dev eth0; ip addr del fd56::4/64 dev eth0");
  });

  await t.test("an address that was somebody's can be had by name as soon as they have left", async () => {
    await h1.docker("run -itd --name after --network lan --ip 192.168.56.5 --ip6 fd56::4 busybox");
    assert.deepEqual(await addressesOf(h1, "after"), ["192.168.56.5", "fd56::4"]);
    await h1.docker("rm -f after");
  });

  await t.test("two hosts that know nothing of one another give out different addresses, also at the same time", async () => {
    await h2.docker(`network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 lan`);
    await Promise.all([h1.docker("run -itd --name p1 --network lan busybox"), h2.docker("run -itd --name p2 --network lan busybox")]);
    const all = [...(await addressesOf(h1, "c1")), ...(await addressesOf(h1, "p1")), ...(await addressesOf(h2, "p2"))];
    assert.equal(new Set(all).size, all.length, all.join(" "));
    assert.ok(!all.some((address) => ["192.168.56.2", "192.168.56.3", "fd56::1", "fd56::2"].includes(address)), all.join(" "));
  });

  await t.test("a later conflict is an event that names the other's MAC, in either family", async () => {
    const events = h1.dockerSpawn("events --filter type=network --format '{{json .}}'");
    const [ipv4 = "", ipv6 = ""] = await addressesOf(h1, "c1");
    const id = await h1.dockerOutput("inspect -f '{{.Id}}' c1");
    await new Promise((resolve) => setTimeout(resolve, 500));
    // What a machine does that is given an address by hand: duplicate detection in IPv6; in IPv4 the first packet it sends tells it.
    await squatter.sh(`echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip addr add ${ipv6}/64 dev eth0; ip addr add ${ipv4}/24 dev eth0`);
    await squatter.sh(`ping -q -c 1 -W 1 -I ${ipv4} 192.168.56.99 || true`);
    for (const address of [ipv4, ipv6]) {
      const pattern = new RegExp(`^.*"conflict".*"address":"${address}".*$`, "m");
      const [line] = await events.waitFor(pattern);
      const { Action, Actor } = JSON.parse(line);
      assert.equal(Action, "conflict");
      assert.deepEqual([Actor.Attributes.mac, Actor.Attributes.container, Actor.Attributes.name], [mac, id, "lan"]);
    }
    events.kill();
    assert.match(h1.daemon.log, new RegExp(`another machine uses a container's address.*${mac}`));
    assert.equal(await h1.dockerOutput("inspect -f '{{.State.Running}}' c1"), "true");
  });
});

test("E19 `-o fairway.address_probe=off` asks nobody: the host's own addresses and its gateway, which it knows, are not given out", async (t) => {
  const { host, docker, dockerFails } = await stage(t);
  await docker(
    "network create -d macvlan --subnet 192.168.56.0/24 --ip-range 192.168.56.0/30 -o parent=eth0 -o fairway.address_probe=off -o fairway.host_access=true lan",
  );
  for (const [address, holder] of [
    [HOST_ADDRESS, "interface eth0 of this host"],
    [OUTSIDE_ADDRESS, "the gateway of this host"],
  ] as const) {
    const words = await dockerFails(`run -d --name bad --network lan --ip ${address} busybox`);
    await docker("rm -f bad");
    assert.match(words, new RegExp(`Address already in use: ${address} is held by ${holder}`));
  }
  await docker("run -d --name c1 --network lan busybox sleep 600");
  assert.match(await host.sh("ip -o addr"), /fw-[0-9a-f]{12} .*inet 192\.168\.56\.2\/32 /, "the range's first is the gateway's");
  assert.equal((await addressesOf(host, "c1"))[0], "192.168.56.3");
});

test("E19 `-o fairway.address_probe=full` asks and tells as RFC 5227 has it", async (t) => {
  const stage = await lanStage(t);
  const { lab, h1, h2 } = stage;
  const squatter = await lab.addHost("squatter", { nics: [{ switch: "lan", address: "192.168.56.2/24" }] });
  const mac = await squatter.sh("cat /sys/class/net/eth0/address");
  await h1.docker(
    "network create -d macvlan --subnet 192.168.56.0/24 --ip-range 192.168.56.2/31 -o parent=eth0 -o fairway.address_probe=full lan",
  );
  const started = performance.now();
  const told = await arpCounters(h2, "192.168.56.3");
  await h1.docker("run -itd --name c1 --network lan busybox");
  assert.deepEqual((await addressesOf(h1, "c1"))[0], "192.168.56.3", "the first of the range is a neighbour's");
  // Two waits of one to two seconds between the probes, and two seconds of silence after them.
  assert.ok(performance.now() - started >= 4000);
  assert.deepEqual(await told(), { probes: 3, announcements: 1 });
  while ((await told()).announcements < 2) await sleep(100);
  await h1.daemon.restart();
  assert.deepEqual(await told(), { probes: 3, announcements: 2 });
  assert.match(
    await stage.dockerFails(h1, "run -d --name c2 --network lan --ip 192.168.56.2 busybox"),
    new RegExp(`Address already in use: 192\\.168\\.56\\.2 is held by ${mac}`),
  );
});

/** Counts what a host hears of an address by ARP: who asks without one of their own, and who says that it is theirs. */
async function arpCounters(host: Host, address: string) {
  const from = (sender: string) => `nft add rule arp ear in arp operation request arp saddr ip ${sender} arp daddr ip ${address} counter`;
  await host.sh(
    `nft add table arp ear; nft add chain arp ear in '{ type filter hook input priority 0; }'; ${from("0.0.0.0")}; ${from(address)}`,
  );
  return async () => {
    const [probes = 0, announcements = 0] = [...(await host.sh("nft list table arp ear")).matchAll(/packets (\d+)/g)].map(([, n]) =>
      Number(n),
    );
    return { probes, announcements };
  };
}

test("E19 a MAC lasts: the same after stop and start, and after the daemon", async (t) => {
  const { h1 } = await lanStage(t);
  await h1.docker(`network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 lan`);
  await h1.docker("run -itd --name c1 --network lan busybox");
  const facts = () => h1.dockerOutput("exec c1 ip -o addr show eth0");
  const mac = () => h1.dockerOutput("exec c1 cat /sys/class/net/eth0/address");
  const [before, beforeMac] = [await facts(), await mac()];
  await h1.docker("restart -t 0 c1");
  assert.equal(await mac(), beforeMac);
  await h1.daemon.restart();
  await h1.docker("restart -t 0 c1");
  assert.equal(await mac(), beforeMac);
  assert.deepEqual((await facts()).match(/inet6? [0-9a-f.:]+/g), before.match(/inet6? [0-9a-f.:]+/g));
});

test("E19 `network create` says at once what will not work", async (t) => {
  const { h1, lab } = await lanStage(t);
  await lab.addSwitch("spare");
  await lab.addNic("h1", { switch: "spare", address: "10.8.0.11/24" });
  // The docker CLI shows nothing of `Warning` in the answer; the daemon's log has it too.
  const warnings = async (subnet: string) => {
    const { text } = await h1.daemon.api("POST", "/networks/create", {
      ...{ Name: "warned", Driver: "macvlan", Options: { parent: "eth1" }, IPAM: { Config: [{ Subnet: subnet }] } },
    });
    await h1.docker("network rm warned");
    const { Warning } = JSON.parse(text);
    if (Warning) assert.ok(h1.daemon.log.includes(Warning), h1.daemon.log);
    return Warning;
  };
  assert.equal(await warnings("10.8.0.0/24"), "");
  assert.match(await warnings("10.9.0.0/24"), /subnet 10\.9\.0\.0\/24 is not that of parent interface eth1 \(10\.8\.0\.11\/24\)/);
  await lab.setCable("h1", false, { switch: "spare", nic: 1 });
  assert.match(await warnings("10.8.0.0/24"), /parent interface eth1 has no carrier/);
  await h1.sh("ip link set eth1 down");
  assert.match(await warnings("10.8.0.0/24"), /parent interface eth1 is down/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePing, portName, VmLab } from "#lab";
import { addressFlags, addressOf, LAN, LAN_SUBNETS, type Station } from "../experiments/reach.ts";
import { vmStage } from "./engine.ts";
import { reachAmong } from "./reach.ts";

const skip = { skip: VmLab.missing() ?? false };
const run = (name: Station) => `run -itd --name ${name} --network lan ${addressFlags(name)} busybox`;

test("E19 a switch port that learns two MACs carries the host and one macvlan container, and no further one", skip, async () => {
  const stage = await vmStage();
  const { lab, h1 } = stage;
  const reach = reachAmong(stage, (station, family) => addressOf(station as Station, family));
  await h1.docker(`network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 lan`, run("c11"));
  lab.switch.setPolicy(portName("h1"), { maxMacs: 2 });
  lab.switch.forget(portName("h1"));
  await reach("  h1 h2 c11\nh1 - ok X\nh2 ok - ok\nc11 X ok -", "the host and one container");
  await h1.docker(run("c12"));
  const full = `
        h1 h2 c11 c12
    h1  -  ok X   X
    h2  ok -  ok  X
    c11 X  ok -   ok
    c12 X  X  ok  -`;
  await reach(full, "the port is full");
  lab.switch.setPolicy(portName("h1"), {});
  await reach(full.replace("h2  ok -  ok  X", "h2  ok -  ok  ok").replace("c12 X  X", "c12 X  ok"), "a plain port");
  await h1.docker("rm -f c11 c12", "network rm lan");
});

/** Parted between the hosts: who reached the other side by the switch does not. */
const PARTED = `
      h1  h2  c11 c12 c21 c22
  h1  -   X   X   X   X   X
  h2  X   -   X   X   X   X
  c11 X   X   -   ok  X   X
  c12 X   X   ok  -   X   X
  c21 X   X   X   X   -   ok
  c22 X   X   X   X   ok  -`;

test(
  "E19 a LAN that is parted: containers reach those of their own host, and an address given out on both sides is told",
  skip,
  async (t) => {
    const stage = await vmStage();
    const { lab, h1, h2, both } = stage;
    const names = [["c11", "c12"] as const, ["c21", "c22"] as const] as const;
    const part = (parted: boolean) => lab.switch.setPartition(portName("h1"), portName("h2"), parted);
    const reach = reachAmong(stage, (station, family) => addressOf(station as Station, family));
    await both((host, index) => host.docker(`network create -d ipvlan ${LAN_SUBNETS} -o parent=eth0 lan`, ...names[index].map(run)));

    await t.test("before, meanwhile and after", async () => {
      await reach(LAN, "one LAN");
      part(true);
      await reach(PARTED, "parted");
      part(false);
      await reach(LAN, "one LAN again");
    });

    await t.test("the same address on both sides is an event that names the other's MAC", async () => {
      part(true);
      const [address, twin] = await both(async (host) => {
        const inspect = "inspect -f '{{.NetworkSettings.Networks.lan.IPAddress}}' twin";
        return (await host.docker("run -itd --name twin --network lan busybox", inspect))[1];
      });
      assert.equal(address, twin, "no probe crosses a cut");
      part(false);
      // Whom it has not spoken to yet it asks for by ARP, and says who it is.
      await h1.sh(`nsenter -t ${(await h1.pids(["twin"])).get("twin")} -n ping -q -c 1 -W 1 192.168.56.12 || true`);
      const told =
        await h2.sh(`until timeout 60 docker events --since 0 --until "$(date +%s)" --filter type=network --filter event=conflict \
      --format '{{json .Actor.Attributes}}' | grep '"address":"${address}"'; do sleep 0.5; done`);
      assert.ok(told.includes(await h1.sh("cat /sys/class/net/eth0/address")), told);
    });
    await both((host, index) => host.docker(`rm -f twin ${names[index].join(" ")}`, "network rm lan"));
  },
);

test("E19 a LAN that loses frames: what macvlan containers send one another over TCP arrives whole", skip, async () => {
  const stage = await vmStage();
  const { lab, h1, h2, hosts, both } = stage;
  await both((host) => host.docker(`network create -d macvlan ${LAN_SUBNETS} -o parent=eth0 lan`));
  const serve = "head -c 200000 /dev/urandom >/tmp/file; exec httpd -f -p 80 -h /tmp";
  await h2.docker(`${run("c21")} sh -c '${serve}'`);
  await h1.docker(run("c11"));
  for (const { name } of hosts) lab.switch.setPolicy(portName(name), { loss: 0.1 });
  const lossy = await h1.sh(
    `nsenter -t ${(await h1.pids(["c11"])).get("c11")} -n ping -q -c 60 -i 0.02 -W 1 ${addressOf("c21", 4)} || true`,
  );
  const { sent, received } = parsePing(lossy);
  assert.ok(received > 0 && received < sent, lossy);
  const fetch = `until wget -qO /tmp/got http://${addressOf("c21", 4)}/file; do sleep 0.2; done; sha256sum </tmp/got`;
  const [got] = await h1.docker(`exec c11 sh -c '${fetch}'`);
  const [given] = await h2.docker("exec c21 sh -c 'sha256sum </tmp/file'");
  assert.equal(got, given);
  for (const { name } of hosts) lab.switch.setPolicy(portName(name), {});
  await h1.docker("rm -f c11", "network rm lan");
  await h2.docker("rm -f c21", "network rm lan");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../experiments/stage.ts";

/** IFF_PROMISC of linux/if.h. */
const PROMISCUOUS = 0x100;

test("`-o fairway.promiscuous=true` holds the parent promiscuous until the last network goes, through kill -9 of the daemon", async (t) => {
  const { host, docker } = await stage(t);
  const isOn = async () => (Number(await host.sh("cat /sys/class/net/eth0/flags")) & PROMISCUOUS) !== 0;
  const create = (name: string, subnet: string) =>
    docker(`network create -d macvlan -o parent=eth0 -o fairway.promiscuous=true --subnet ${subnet} ${name}`);
  const restart = async () => {
    await host.daemon.kill();
    await host.daemon.start();
  };
  assert.equal(await isOn(), false);
  await create("a", "10.8.0.0/24");
  await create("b", "10.9.0.0/24");
  assert.equal(await isOn(), true);
  await restart();
  assert.equal(await isOn(), true, "after kill -9");
  await docker("network rm a");
  assert.equal(await isOn(), true, "the other network needs it");
  await restart();
  await docker("network rm b");
  assert.equal(await isOn(), false, "put back by a daemon that did not set it");

  await host.sh("ip link set eth0 promisc on");
  await create("c", "10.8.0.0/24");
  assert.equal(await docker(`network inspect -f '{{index .Options "fairway.promiscuous"}}' c`), "kept");
  await restart();
  await docker("network rm c");
  assert.equal(await isOn(), true, "somebody else had set it before");
});

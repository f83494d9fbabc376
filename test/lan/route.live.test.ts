import assert from "node:assert/strict";
import { test } from "node:test";
import { PINGS, pingFrom } from "../experiments/clients.ts";
import { stage } from "../experiments/stage.ts";

test("`fairway network route` joins networks of one host, explicitly and until it is removed", async (t) => {
  const { host, docker } = await stage(t);
  const fairway = (words: string) => host.sh(`DOCKER_HOST=unix://${host.daemon.socket} ${import.meta.dirname}/../../bin/fairway ${words}`);
  await host.sh("ip link add lan2 type veth peer name lan2p; ip addr add 10.66.0.1/24 dev lan2; ip link set lan2 up; ip link set lan2p up");
  await docker("network create a");
  await docker("network create b");
  await docker("network create -d macvlan -o parent=eth0 --subnet 192.168.56.0/24 -o fairway.host_access=true m1");
  await docker("network create -d macvlan -o parent=lan2 --subnet 10.66.0.0/24 -o fairway.host_access=true m2");
  await docker("network create -d macvlan -o parent=lan2 --subnet 10.67.0.0/24 plain");
  for (const name of ["a", "b", "m1", "m2"]) await docker(`run -d --name c-${name} --network ${name} busybox sleep 600`);
  const addressOf = (name: string) => docker(`inspect -f {{range.NetworkSettings.Networks}}{{.IPAddress}}{{end}} c-${name}`);
  const reaches = async (from: string, to: string) => (await pingFrom(host, `c-${from}`, await addressOf(to))).received === PINGS.received;
  const grid = async () => {
    const pairs = ["a b", "m1 m2", "m2 m1", "a m1", "b m1"];
    const found: string[] = [];
    for (const pair of pairs) if (await reaches(...(pair.split(" ") as [string, string]))) found.push(pair);
    return found;
  };
  assert.deepEqual(await grid(), [], "nothing passes without a route, host_access or not");
  for (const pair of ["a b", "m1 m2", "a m1"]) await fairway(`network route add ${pair}`);
  assert.deepEqual(await grid(), ["a b", "m1 m2", "m2 m1", "a m1"]);
  assert.match(await fairway("network route ls"), /^a +m1$|^m1 +a$/m);

  await t.test("a container started later has the routes too, and a daemon started again still has them", async () => {
    await docker("run -d --name c-late --network m2 busybox sleep 600");
    assert.ok(await reaches("late", "m1"));
    await host.daemon.restart();
    assert.deepEqual(await grid(), ["a b", "m1 m2", "m2 m1", "a m1"]);
  });
  await t.test("bad pairs are refused with the way out", async () => {
    const refused = async (words: string) =>
      (
        await host.exec(`DOCKER_HOST=unix://${host.daemon.socket} ${import.meta.dirname}/../../bin/fairway ${words}`, {
          allowFailure: true,
        })
      ).stderr;
    assert.match(
      await refused("network route add a plain"),
      /the host has no address in it; make the network with -o fairway\.host_access=true/,
    );
    assert.match(await refused("network route add a a"), /to itself/);
    assert.match(await refused("network route add a b"), /already/);
    assert.match(await refused("network route rm b m2"), /has no route to network m2/);
    assert.match(await refused("network route add a nosuch"), /network nosuch not found/);
  });
  await t.test("removed, nothing passes any more; and a network takes its routes along", async () => {
    await fairway("network route rm b a");
    await fairway("network route rm m1 m2");
    assert.deepEqual(await grid(), ["a m1"]);
    await docker("rm -f c-a");
    await docker("network rm a");
    assert.doesNotMatch(await fairway("network route ls"), /m1/);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCKED, fetchIn, PINGS, pingFrom, serveIn } from "./clients.ts";
import { parseIpAddr } from "./ip-output.ts";
import { againstDockerd, stage } from "./stage.ts";

test("E05 default against user-defined, row by row", async (t) => {
  const { host, docker, dockerFails } = await stage(t);
  const interfaces = async (container: string) => parseIpAddr(await docker(`exec ${container} ip addr`));

  await t.test("all ports are open between members of a user-defined network, without -p", async () => {
    await docker("network create ports");
    await docker("run -itd --name server --network ports busybox");
    await docker("run -itd --name client --network ports busybox");
    for (const port of [80, 4321, 65535]) {
      await serveIn(host, "server", port, `port-${port}`);
      assert.equal(await fetchIn(host, "client", `http://server:${port}/`), `port-${port}`);
    }
    assert.equal(await docker("port server"), "");
    await docker("rm -f server client");
    await docker("network rm ports");
  });

  await t.test("names and aliases resolve on a user-defined network", async () => {
    await docker("network create named");
    await docker("run -itd --name n1 --network named --network-alias db --network-alias cache busybox");
    await docker("run -itd --name n2 --network named busybox");
    for (const name of ["n1", "db", "cache"]) assert.deepEqual(await pingFrom(host, "n2", name), PINGS, name);
    assert.match(await docker("exec n2 cat /etc/resolv.conf"), /^nameserver 127\.0\.0\.11$/m);
    await docker("rm -f n1 n2");
    await docker("network rm named");
  });

  await t.test("on the default bridge only --link names a container: /etc/hosts and environment", async () => {
    const id = await docker("run -itd --name db -e SECRET=s3cret --expose 5432 busybox");
    await docker("run -itd --name app --link db:database busybox");
    const address = await docker("inspect -f '{{.NetworkSettings.IPAddress}}' db");
    assert.match(await docker("exec app cat /etc/hosts"), new RegExp(`^${address}\\tdatabase ${id.slice(0, 12)} db$`, "m"));
    for (const name of ["database", "db", id.slice(0, 12)]) assert.deepEqual(await pingFrom(host, "app", name), PINGS, name);
    const environment = (await docker("exec app env")).split("\n");
    for (const line of [
      "DATABASE_NAME=/app/database",
      `DATABASE_PORT=tcp://${address}:5432`,
      `DATABASE_PORT_5432_TCP=tcp://${address}:5432`,
      `DATABASE_PORT_5432_TCP_ADDR=${address}`,
      "DATABASE_PORT_5432_TCP_PORT=5432",
      "DATABASE_PORT_5432_TCP_PROTO=tcp",
      "DATABASE_ENV_SECRET=s3cret",
    ]) {
      assert.ok(environment.includes(line), `${line} is missing in:\n${environment.join("\n")}`);
    }
    assert.match(await dockerFails("exec db ping -c 1 -W 1 app"), /bad address 'app'/);
    assert.match(
      await dockerFails("run --rm --network-alias x busybox true"),
      /network-scoped aliases? (is|are) (only )?supported (only )?for (containers in )?user[- ]defined networks/i,
    );
    await docker("rm -f app db");
  });

  await t.test("a running container is connected and disconnected", async () => {
    await docker("network create extra");
    await docker("run -itd --name mobile busybox");
    await docker("run -itd --name fixed --network extra busybox");
    assert.deepEqual([...(await interfaces("mobile")).keys()].sort(), ["eth0", "lo"]);
    await docker("network connect --alias rover extra mobile");
    const eth1 = (await interfaces("mobile")).get("eth1");
    assert.match(eth1?.ipv4[0] ?? "", /^172\.(1[89]|2\d)\.0\.\d+\/16$/);
    assert.deepEqual(await pingFrom(host, "mobile", "fixed"), PINGS);
    assert.deepEqual(await pingFrom(host, "fixed", "rover"), PINGS);
    await docker("network disconnect extra mobile");
    assert.deepEqual([...(await interfaces("mobile")).keys()].sort(), ["eth0", "lo"]);
    assert.match(await dockerFails("exec fixed ping -c 1 -W 1 rover"), /bad address 'rover'/);
    await docker("network disconnect bridge mobile");
    assert.deepEqual([...(await interfaces("mobile")).keys()], ["lo"]);
    await docker("rm -f mobile fixed");
    await docker("network rm extra");
  });

  await t.test("user-defined networks have each its own configuration", async () => {
    await docker("network create --subnet 10.77.0.0/24 --gateway 10.77.0.254 -o com.docker.network.driver.mtu=1400 small");
    await docker("network create --subnet 10.78.0.0/24 -o com.docker.network.bridge.enable_icc=false quiet");
    await docker("network create --subnet 10.79.0.0/24 --internal closed");
    await docker("run -itd --name s1 --network small --ip 10.77.0.10 busybox");
    await docker("run -itd --name q1 --network quiet --ip 10.78.0.11 busybox");
    await docker("run -itd --name q2 --network quiet --ip 10.78.0.12 busybox");
    await docker("run -itd --name i1 --network closed --ip 10.79.0.11 busybox");
    await docker("run -itd --name i2 --network closed --ip 10.79.0.12 busybox");
    const eth0 = (await interfaces("s1")).get("eth0");
    assert.deepEqual([eth0?.mtu, eth0?.ipv4, eth0?.mac], [1400, ["10.77.0.10/24"], "02:42:0a:4d:00:0a"]);
    assert.match(await docker("exec s1 ip route"), /^default via 10\.77\.0\.254 dev eth0/m);
    assert.deepEqual(await pingFrom(host, "s1", "192.168.56.1"), PINGS);
    assert.deepEqual(await pingFrom(host, "q1", "10.78.0.12"), BLOCKED, "icc=false");
    assert.deepEqual(await pingFrom(host, "q1", "192.168.56.1"), PINGS);
    assert.deepEqual(await pingFrom(host, "i1", "i2"), PINGS, "internal");
    assert.deepEqual(await pingFrom(host, "i1", "192.168.56.1"), BLOCKED, "internal");
    if (!againstDockerd)
      assert.doesNotMatch(await docker("exec i1 ip route"), /default/, "since Docker 23 an internal network gives no gateway");
  });

  await t.test("and are isolated from one another", async () => {
    await docker("run -itd --name d1 busybox");
    const default1 = await docker("inspect -f '{{.NetworkSettings.IPAddress}}' d1");
    for (const [from, to] of [
      ["s1", "10.78.0.11"],
      ["q1", "10.77.0.10"],
      ["s1", "10.79.0.11"],
      ["i1", "10.77.0.10"],
      ["d1", "10.77.0.10"],
      ["s1", default1],
    ] as const) {
      assert.deepEqual(await pingFrom(host, from, to), BLOCKED, `${from} to ${to}`);
    }
    assert.match(await dockerFails("exec s1 ping -c 1 -W 1 q1"), /bad address 'q1'/);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { httpIn, portStage, web } from "../ports/stage.ts";

test("--link on the default bridge, with icc=false", async (t) => {
  const { host, docker, dockerFails } = await portStage(t, ["--icc=false"]);
  const address = (name: string) => docker(`inspect -f '{{.NetworkSettings.IPAddress}}' ${name}`);

  await t.test("makes a hole to the exposed ports, and only for the one who links", async () => {
    await docker(`run -d --name server --expose 80 --expose 8000-8002 -e COLOUR=blue busybox ${web("server", 80, 81, 8001)}`);
    await docker(`run -d --name client --link server:db busybox sleep 1000`);
    await docker(`run -d --name stranger busybox sleep 1000`);
    const server = await address("server");
    assert.equal(await httpIn(host, "client", "http://db/"), "server");
    assert.equal(await httpIn(host, "client", "http://db:8001/"), "server");
    assert.equal(await httpIn(host, "client", "http://server:81/"), undefined, "not exposed");
    assert.equal(await httpIn(host, "stranger", `http://${server}/`), undefined);
    assert.equal(await httpIn(host, "server", `http://${await address("client")}:80/`), undefined, "one way");
  });

  await t.test("environment and hosts, of run and exec", async () => {
    const server = await address("server");
    const environment = (await docker("exec client env")).split("\n");
    for (const line of [
      "DB_NAME=/client/db",
      `DB_PORT=tcp://${server}:80`,
      `DB_PORT_80_TCP_ADDR=${server}`,
      `DB_PORT_8000_TCP_START=tcp://${server}:8000`,
      `DB_PORT_8000_TCP_END=tcp://${server}:8002`,
      "DB_ENV_COLOUR=blue",
    ])
      assert.ok(environment.includes(line), `${line} in\n${environment.join("\n")}`);
    assert.ok((await docker("exec client cat /proc/1/environ")).includes("DB_NAME=/client/db"));
    const id = (await docker("inspect -f '{{.Id}}' server")).slice(0, 12);
    assert.ok((await docker("exec client cat /etc/hosts")).includes(`${server}\tdb ${id} server\n`));
  });

  await t.test("follows the linked container's restarts, stops and new addresses", async () => {
    await docker("stop -t 0 server");
    assert.doesNotMatch(await docker("exec client cat /etc/hosts"), /\tdb /);
    // Its address may be anybody's: the hole must be gone.
    await docker("rm server");
    await docker(`run -d --name squatter busybox ${web("squatter", 80)}`);
    assert.equal(await httpIn(host, "client", `http://${await address("squatter")}/`), undefined);
    await docker("rm -f squatter client stranger");
    await docker(`run -d --name mover --expose 80 busybox ${web("mover", 80)}`);
    await docker("run -d --name watcher --link mover busybox sleep 1000");
    assert.equal(await httpIn(host, "watcher", "http://mover/"), "mover");
    await docker("restart -t 0 mover");
    assert.equal(await httpIn(host, "watcher", "http://mover/"), "mover");
    await docker("rm -f watcher mover");
  });

  await t.test("both ways: links may form a loop once both are there", async () => {
    await docker(`run -d --name ring1 --expose 80 busybox ${web("ring1", 80)}`);
    await docker(`run -d --name ring2 --expose 80 --link ring1:one busybox ${web("ring2", 80)}`);
    await docker("restart -t 0 ring1");
    assert.equal(await httpIn(host, "ring2", "http://one/"), "ring1");
    await docker("rm -f ring1 ring2");
  });

  await t.test("what cannot be linked, in Docker's words", async () => {
    await docker("network create user");
    await docker("run -d --name elsewhere --network user busybox sleep 1000");
    await docker("create --name asleep busybox sleep 1000");
    assert.match(
      await dockerFails("run --rm --link nosuch:x busybox true"),
      /could not get container for nosuch: No such container: nosuch/,
    );
    assert.match(
      await dockerFails("run --name l1 --link asleep:x busybox true"),
      /Cannot link to a non running container: \/asleep AS \/l1\/x/,
    );
    assert.match(
      await dockerFails("run --name l2 --link elsewhere:x busybox true"),
      /not attached to default bridge network|Cannot link to \/?elsewhere, as it does not belong to the default network/,
    );
    assert.match(
      await dockerFails("run --rm --network host --link elsewhere:x busybox true"),
      /host type networking can't be used with links/,
    );
    await dockerFails("run --rm --network container:elsewhere --link elsewhere:x busybox true");
    // A user-defined network takes a target that is not there yet, and links in a loop.
    await docker("run -d --name a1 --network user --link b1:b busybox sleep 1000");
    await docker("run -d --name b1 --network user --link a1:a busybox sleep 1000");
    assert.match(await docker("exec a1 ping -c 1 -W 1 b"), /1 packets received/);
    assert.match(await docker("exec b1 ping -c 1 -W 1 a"), /1 packets received/);
  });
});

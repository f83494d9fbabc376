import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchIn, PINGS, pingFrom, serveIn } from "./clients.ts";
import { parseIpAddr } from "./ip-output.ts";
import { againstDockerd, stage } from "./stage.ts";

test("E08 another container's network: one namespace for both, which outlives the first", async (t) => {
  const { host, docker } = await stage(t);
  await docker("run -itd --name b1 busybox");
  await docker("run -itd --name b2 --network container:b1 busybox");
  await docker("run -itd --name peer busybox");
  const interfaces = async (container: string) => parseIpAddr(await docker(`exec ${container} ip addr`));
  const before = (await interfaces("b1")).get("eth0");

  await t.test("both see the same eth0", async () => {
    const other = (await interfaces("b2")).get("eth0");
    assert.deepEqual(other, before);
    assert.deepEqual([before?.mac, before?.ipv4], ["02:42:ac:11:00:02", ["172.17.0.2/16"]]);
    assert.equal(await docker("exec b2 hostname"), await docker("exec b1 hostname"));
    assert.equal(await docker("inspect -f '{{json .NetworkSettings.Networks}}' b2"), "{}");
  });

  await t.test("they reach each other on localhost", async () => {
    await serveIn(host, "b1", 8001, "from-b1", "127.0.0.1");
    await serveIn(host, "b2", 8002, "from-b2", "127.0.0.1");
    assert.equal(await fetchIn(host, "b2", "http://127.0.0.1:8001/"), "from-b1");
    assert.equal(await fetchIn(host, "b1", "http://127.0.0.1:8002/"), "from-b2");
    assert.equal(await fetchIn(host, "peer", "http://172.17.0.2:8001/"), undefined);
  });

  await t.test("when b1 stops, b2 is left with lo alone", async () => {
    await docker("stop -t 1 b1");
    assert.deepEqual([...(await interfaces("b2")).keys()], ["lo"]);
    assert.equal(await fetchIn(host, "b2", "http://127.0.0.1:8002/"), "from-b2");
  });

  await t.test("when b1 comes back, so does b2's eth0", async () => {
    await docker("start b1");
    if (againstDockerd) {
      assert.deepEqual([...(await interfaces("b2")).keys()], ["lo"], "Docker leaves b2 in the dead namespace");
      await docker("restart -t 1 b2");
    }
    const after = (await interfaces("b2")).get("eth0");
    assert.deepEqual([after?.mac, after?.ipv4], [before?.mac, before?.ipv4]);
    assert.equal((await interfaces("b1")).get("eth0")?.index, after?.index);
    assert.deepEqual(await pingFrom(host, "b2", "172.17.0.3"), PINGS);
    assert.deepEqual(await pingFrom(host, "peer", "172.17.0.2"), PINGS);
  });
});

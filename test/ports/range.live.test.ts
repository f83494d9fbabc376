import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HOST, hostServer, portStage, udp, udpServer, until } from "./stage.ts";

const PORTS = "20000-36383";

test("a range of 16,384 UDP ports", async (t) => {
  const { host, outside, docker, dockerFails } = await portStage(t);
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host.daemon.pid}/status`, "utf8"))![1]) / 1024;
  const sockets = async () => Number(await host.sh("ss -Hlun | wc -l"));
  const start = async (name: string) => {
    const begun = performance.now();
    const { status, text } = await host.daemon.api("POST", `/v1.47/containers/${name}/start`);
    assert.equal(status, 204, text);
    return performance.now() - begun;
  };
  const create = async (name: string, from: number, count: number) => {
    const keys = Array.from({ length: count }, (_, index) => `${from + index}/udp`);
    const { status, text } = await host.daemon.api("POST", `/v1.47/containers/create?name=${name}`, {
      Image: "busybox",
      Cmd: ["sleep", "1000"],
      ExposedPorts: Object.fromEntries(keys.map((key) => [key, {}])),
      HostConfig: { PortBindings: Object.fromEntries(keys.map((key) => [key, [{ HostPort: key.slice(0, -4) }]])) },
    });
    assert.equal(status, 201, text);
  };

  await t.test("is one element of one map, with a few sockets and no process", async () => {
    const one: number[] = [];
    const many: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      await create("single", 20000, 1);
      one.push(await start("single"));
      await docker("rm -f single");
    }
    for (let turn = 0; turn < 4; turn++) {
      await create("range", 20000, 16384);
      many.push(await start("range"));
      if (turn < 3) await docker("rm -f range");
    }
    const [single, range] = [Math.min(...one), Math.min(...many)];
    t.diagnostic(`start with one port ${single.toFixed(0)} ms, with 16,384 ${range.toFixed(0)} ms`);
    assert.equal(await host.sh("nft list map inet fairway publish_range4 | grep -c 20000-36383"), "1");
    assert.ok((await sockets()) < 10);
    const lengths = "'{{len .HostConfig.PortBindings}} {{len .Config.ExposedPorts}} {{len .NetworkSettings.Ports}}'";
    assert.equal(await docker(`inspect -f ${lengths} range`), "16384 16384 16384");
    assert.equal(
      await docker("ps --format '{{.Ports}}' --filter name=range"),
      `0.0.0.0:${PORTS}->${PORTS}/udp, [::]:${PORTS}->${PORTS}/udp`,
    );
    // Without the request's own garbage: a daemon that has just taken over what runs.
    const settled = async () => {
      await host.daemon.restart();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return memory();
    };
    const holding = await settled();
    await docker("rm -f range");
    const without = await settled();
    t.diagnostic(`daemon ${holding.toFixed(1)} MB with the range, ${without.toFixed(1)} MB without`);
  });

  await t.test("serves its first, last and middle port", async () => {
    await docker(
      `run -d --name served -p ${PORTS}:${PORTS}/udp -v /:/host busybox sh -c '${udpServer(20000, "first").replaceAll("'", "'\\''")} & ${udpServer(36383, "last").replaceAll("'", "'\\''")}'`,
    );
    await until(async () => (await udp(outside, HOST, 20000)) === "first");
    await until(async () => (await udp(host, "127.0.0.1", 36383)) === "last");
    assert.match(
      await dockerFails(`run -d -p 30000:1/udp busybox true`),
      /Bind for 0\.0\.0\.0:30000 failed: port is already allocated.*"served"/,
    );
    const late = await hostServer(host, "UDP4-RECVFROM:30000", "x");
    await until(async () => /socat \(pid \d+\) listens on udp port 30000, which is published/.test(host.daemon.log), 30_000);
    await late.kill();
    await docker("rm -f served");
  });

  await t.test("is refused when a program has one of its ports", async () => {
    for (const listener of ["UDP4-RECV:30000", "UDP4-RECV:30000,bind=127.0.0.1"]) {
      const server = await hostServer(host, listener.replace("RECV:", "RECVFROM:"), "x");
      assert.match(
        await dockerFails(`run -d --name refused -p ${PORTS}:${PORTS}/udp busybox true`),
        /failed to bind host port 0\.0\.0\.0:20000-36383\/udp: address already in use: it is held by socat \(pid \d+\)/,
      );
      await server.kill();
      await docker("rm -f refused");
    }
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { containerEnd, pingMatrix } from "#lab";
import { BLOCKED, fetchFrom, fetchIn, PINGS, pingFrom, serveClientAddress, serveIn } from "./clients.ts";
import { HOST_ADDRESS, OUTSIDE_ADDRESS, stage } from "./stage.ts";

test("E03 default bridge reach: by address, not by name; masquerade; published ports", async (t) => {
  const { host, outside, docker, dockerFails } = await stage(t);
  await docker("run -itd --name c1 busybox");
  await docker("run -itd --name c2 busybox");

  await t.test("two containers ping each other by address", async () => {
    const expected = "   c1 c2\nc1 -  ok\nc2 ok -";
    const matrix = await pingMatrix([containerEnd(host, "c1", "172.17.0.2"), containerEnd(host, "c2", "172.17.0.3")], { expected });
    assert.deepEqual(matrix.differences(expected), [], matrix.render());
  });

  await t.test("names do not resolve", async () => {
    assert.match(await dockerFails("exec c1 ping -c 1 -W 1 c2"), /bad address 'c2'/);
  });

  await t.test("traffic to outside is masqueraded", async () => {
    assert.deepEqual(await pingFrom(host, "c1", OUTSIDE_ADDRESS), PINGS);
    const server = await serveClientAddress(outside, 9000);
    assert.equal(await host.dockerOutput(`exec c1 nc -w 2 ${OUTSIDE_ADDRESS} 9000`), HOST_ADDRESS);
    server.kill();
  });

  await t.test("a port that is not published is not reachable from outside", async () => {
    await serveIn(host, "c1", 80, "unpublished");
    assert.equal(await fetchIn(host, "c2", "http://172.17.0.2/"), "unpublished");
    assert.equal(await fetchFrom(outside, `http://${HOST_ADDRESS}/`), undefined);
    // Not by a route to the container either.
    await outside.sh(`ip route add 172.17.0.0/16 via ${HOST_ADDRESS}`);
    assert.equal(await fetchFrom(outside, "http://172.17.0.2/"), undefined);
    await outside.sh("ip route del 172.17.0.0/16");
  });

  await t.test("a published one is", async () => {
    await docker("run -itd --name web -p 8080:80 busybox");
    await serveIn(host, "web", 80, "published");
    assert.equal(await fetchFrom(outside, `http://${HOST_ADDRESS}:8080/`), "published");
    assert.equal(await fetchFrom(host, "http://127.0.0.1:8080/"), "published");
    assert.match(await docker("port web"), /^80\/tcp -> 0\.0\.0\.0:8080$/m);
    assert.match(await docker("ps --filter name=web --format '{{.Ports}}'"), /0\.0\.0\.0:8080->80\/tcp/);
    await docker("rm -f web");
    assert.equal(await fetchFrom(outside, `http://${HOST_ADDRESS}:8080/`), undefined);
  });

  await t.test("a container without an outside stays without one", async () => {
    await outside.sh("ip addr add 203.0.113.1/32 dev lo");
    assert.deepEqual(await pingFrom(host, "c1", "203.0.113.1"), PINGS, "the host's default route leads there");
    await host.sh("ip route del default");
    assert.deepEqual(await pingFrom(host, "c1", "203.0.113.1"), BLOCKED);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { http, httpIn, portStage, web } from "../ports/stage.ts";

test("published ports of a macvlan container are ports of its own address, IPv4 and IPv6, for the LAN, its neighbours and the host", async (t) => {
  const { host, outside, docker } = await portStage(t);
  await docker(
    "network create -d macvlan --subnet 192.168.56.0/24 --gateway 192.168.56.1 --ip-range 192.168.56.64/26 --ipv6 --subnet fd56::/64 " +
      "-o parent=eth0 -o fairway.host_access=true lan",
  );
  const listeners = () => host.sh("ss -Hltn | grep -c ':80[0-9][0-9] ' || true");
  await docker(
    `run -d --name web --network lan --ip 192.168.56.70 --ip6 fd56::70 -p 8080:80 -p 8090-8091:80-81 -p 80 busybox ${web("web", 80)}`,
  );
  await docker("run -d --name neighbour --network lan busybox sleep 600");
  const serves = async (what: string) => {
    for (const address of ["192.168.56.70", "[fd56::70]"]) {
      for (const port of [8080, 8090, 80]) {
        const url = `http://${address}:${port}/`;
        assert.equal(await http(outside, url), "web", `${what}: the LAN, ${url}`);
        assert.equal(await http(host, url), "web", `${what}: the host, ${url}`);
        assert.equal(await httpIn(host, "neighbour", url), "web", `${what}: a neighbour, ${url}`);
      }
    }
  };
  await serves("started");
  assert.deepEqual((await docker("port web")).split("\n").sort(), [
    "80/tcp -> 192.168.56.70:80",
    "80/tcp -> 192.168.56.70:8080",
    "80/tcp -> 192.168.56.70:8090",
    "81/tcp -> 192.168.56.70:8091",
  ]);
  assert.equal(await listeners(), "0", "none of the host's ports is taken");
  await docker("restart -t 0 web");
  await serves("restarted");
  await host.daemon.restart();
  await serves("the daemon restarted");
});

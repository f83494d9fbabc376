import assert from "node:assert/strict";
import { test } from "node:test";
import { PINGS, pingFrom } from "../experiments/clients.ts";
import { stage } from "../experiments/stage.ts";

test("a macvlan network of several subnets: ranges and auxiliary addresses are kept to, a full pool gives way to the next, each with its gateway", async (t) => {
  const { host, docker, dockerFails } = await stage(t);
  // By the API: the CLI sends the subnets in an order that changes from time to time.
  const config = [
    { Subnet: "192.168.56.0/24", IPRange: "192.168.56.64/30", Gateway: "192.168.56.1", AuxiliaryAddresses: { nas: "192.168.56.65" } },
    { Subnet: "172.22.16.0/24", Gateway: "172.22.16.1" },
    { Subnet: "fd56::/64", IPRange: "fd56::100/120" },
  ];
  const { status, text } = await host.daemon.api("POST", "/networks/create", {
    ...{ Name: "lan", Driver: "macvlan", EnableIPv6: true, Options: { parent: "eth0" }, IPAM: { Config: config } },
  });
  assert.equal(status, 201, text);
  const [network] = JSON.parse(await docker("network inspect lan"));
  assert.deepEqual(network.IPAM.Config, config);
  const run = async (name: string, flags = "") => {
    await docker(`run -d --name ${name} --network lan ${flags} busybox sleep 600`);
    return docker(`inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}} {{.Gateway}}{{end}}' ${name}`);
  };
  const given: string[] = [];
  for (const name of ["c1", "c2", "c3", "c4"]) given.push(await run(name));
  assert.deepEqual(given, [
    "192.168.56.64 fd56::100 192.168.56.1",
    "192.168.56.66 fd56::101 192.168.56.1",
    "192.168.56.67 fd56::102 192.168.56.1",
    "172.22.16.2 fd56::103 172.22.16.1",
  ]);
  assert.match(await docker("exec c4 ip route"), /^default via 172\.22\.16\.1 dev eth0/m);
  assert.equal(await run("c5", "--ip 172.22.16.9 --ip6 fd56::9"), "172.22.16.9 fd56::9 172.22.16.1");
  for (const [from, to] of [
    ["c1", "192.168.56.67"],
    ["c4", "172.22.16.9"],
    ["c5", "fd56::100"],
  ] as const) {
    assert.deepEqual(await pingFrom(host, from, to), PINGS, `${from} to ${to}`);
  }
  assert.match(await dockerFails("run -d --network lan --ip 192.168.56.65 busybox"), /Address already in use/);
});

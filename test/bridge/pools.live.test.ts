import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { Lab } from "#lab";

test("networks without a subnet of their own keep off what the host uses, wherever it says so", async (t) => {
  const lab = await Lab.create({ hosts: ["host1"] });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  await host.sh(
    "ip route add 172.18.4.0/24 via 192.168.56.1; ip route add 0.0.0.0/1 via 192.168.56.1; ip route add blackhole 172.19.0.0/30",
  );
  // As VPNs do, and routers.
  await host.sh("ip route add 172.20.8.0/24 via 192.168.56.1 table 52; ip rule add lookup 52; ip addr add 172.21.0.1/32 dev lo");
  writeFileSync(`${host.directory}/resolv.conf`, "nameserver 172.22.0.53\n");
  await host.startDaemon();
  const subnetOf = async (name: string) => {
    await host.docker(`network create ${name}`);
    return await host.dockerOutput(`network inspect -f '{{(index .IPAM.Config 0).Subnet}}' ${name}`);
  };
  assert.equal(await subnetOf("blue"), "172.23.0.0/16");
  await host.docker("network rm blue");
  assert.equal(await subnetOf("blue"), "172.23.0.0/16", "its own bridge's route was not somebody else's");
});

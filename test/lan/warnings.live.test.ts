import assert from "node:assert/strict";
import { test } from "node:test";
import { Lab } from "#lab";

const FAIRWAY = new URL("../../bin/fairway", import.meta.url).pathname;

test("what `docker network create` warned of is in `docker info` and `fairway doctor`, as it is now", async (t) => {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  await host.startDaemon();
  const docker = (args: string) => host.dockerOutput(args, { timeout: 30_000 });
  const warnings = async () =>
    ((JSON.parse(await docker("info -f '{{json .Warnings}}'")) ?? []) as string[]).filter((line) => line.includes("network "));
  const doctor = async () => {
    const { stdout } = await host.exec(`${FAIRWAY} -H unix://${host.socket} doctor --json`, { allowFailure: true });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; finding: string }[] };
    return checks.filter(({ name }) => name === "networks").map(({ status, finding }) => `${status}: ${finding}`);
  };
  await host.sh("ip link add wan0 type veth peer name wan1; ip link set wan0 up; ip link set wan1 up");
  await docker("network create -d macvlan -o parent=eth0 --subnet 192.168.56.0/24 --ip-range 192.168.56.64/26 right");
  await docker(
    "network create -d macvlan -o parent=eth0 -o fairway.host_access=true --subnet 192.168.56.0/24 --ip-range 192.168.56.128/26 reached",
  );
  await docker("network create -d macvlan -o parent=wan0 -o macvlan_mode=passthru --subnet 10.66.0.0/24 alone");
  assert.deepEqual(await warnings(), []);
  assert.deepEqual(await doctor(), ["ok: No network has a parent interface or subnet that is likely to fail it."]);

  await docker("network create -d macvlan -o parent=eth0 --subnet 10.67.0.0/24 wrong");
  assert.match((await warnings()).join("\n"), /^WARNING: network wrong: subnet 10\.67\.0\.0\/24 is not that of parent interface eth0/);
  assert.match((await doctor()).join("\n"), /^warn: Network wrong: subnet 10\.67\.0\.0\/24 is not that/);

  await host.daemon.restart();
  assert.equal((await warnings()).length, 1);
  await host.sh("ip link set wan1 down");
  assert.match((await warnings()).join("\n"), /network alone: parent interface wan0 has no carrier/);
  await host.sh("ip link del wan0");
  assert.match((await warnings()).join("\n"), /network alone: .*wan0/);
  await docker("network rm wrong alone");
  assert.deepEqual(await warnings(), []);
});

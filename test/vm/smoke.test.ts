import assert from "node:assert/strict";
import { test } from "node:test";
import { type End, type Machine, pingMatrix, portName, VmLab } from "#lab";
import { sharedLab } from "./shared-lab.ts";

const missing = VmLab.missing();
if (missing && process.env.FAIRWAY_REQUIRE_VM) throw new Error(`VM tests are required, but ${missing}`);

const end = (machine: Machine, address: string): End => ({ name: machine.name, address, run: (script) => machine.sh(script) });

test("two machines boot Debian's kernel and ping each other over the switch", { skip: missing ?? false }, async (t) => {
  const lab = await sharedLab();
  const machines = [lab.machine("h1"), lab.machine("h2")] as const;
  const ends = machines.map((machine, index) => end(machine, `10.0.0.${index + 1}`));
  await Promise.all(machines.map((machine, index) => machine.sh(`ip link set eth0 up; ip addr add 10.0.0.${index + 1}/24 dev eth0`)));
  const reach = async (expected: string) => {
    const matrix = await pingMatrix(ends, { expected });
    assert.deepEqual(matrix.differences(expected), [], matrix.render());
  };
  const joined = "   h1 h2\nh1 -  ok\nh2 ok -";
  const parted = "   h1 h2\nh1 -  X\nh2 X  -";

  await t.test("a script's status and outputs come back", async () => {
    const result = await machines[0].exec("echo out; echo err >&2; cat; exit 3", { input: "given", allowFailure: true });
    assert.deepEqual(result, { code: 3, stdout: "out\ngiven", stderr: "err\n" });
    assert.equal(await machines[0].sh("hostname"), "h1");
    await assert.rejects(machines[0].exec("sleep 60", { timeout: 500 }), /did not end in time/);
  });

  await t.test("the switch carries, parts, loses and separates VLANs", async () => {
    await reach(joined);
    lab.switch.setPartition(portName("h1"), portName("h2"), true);
    await reach(parted);
    lab.switch.setPartition(portName("h1"), portName("h2"), false);
    lab.switch.setPolicy(portName("h1"), { accessVlan: 10 });
    lab.switch.setPolicy(portName("h2"), { accessVlan: 20 });
    await reach(parted);
    lab.switch.setPolicy(portName("h2"), { accessVlan: 10 });
    await reach(joined);
    for (const { name } of machines) lab.switch.setPolicy(portName(name), {});
  });

  await t.test("the kernel has what a container's lacks: 802.1q and ipvlan", async () => {
    const tag = (machine: Machine, address: string) =>
      machine.sh(`ip link add link eth0 name eth0.10 type vlan id 10; ip addr add ${address} dev eth0.10; ip link set eth0.10 up`);
    await tag(machines[0], "10.10.0.1/24");
    await tag(machines[1], "10.10.0.2/24");
    const tagged = machines.map((machine, index) => end(machine, `10.10.0.${index + 1}`));
    const matrix = await pingMatrix(tagged, { expected: joined });
    assert.deepEqual(matrix.differences(joined), [], matrix.render());
    assert.match(
      await machines[0].sh("ip link add link eth0 name iv0 type ipvlan mode l2 && ip -d link show iv0 && ip link del iv0"),
      /ipvlan {2}mode l2/,
    );
    for (const machine of machines) await machine.sh("ip link del eth0.10; ip addr flush dev eth0");
  });
});

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { VmLab } from "#lab";
import { sharedLab } from "./shared-lab.ts";

const missing = VmLab.missing();
const project = dirname(dirname(import.meta.dirname));

test("the LAN drivers' live tests pass on Debian's kernel, with ipvlan, 802.1q and dummy (E12, E14, E15)", {
  skip: missing ?? false,
}, async () => {
  const machine = (await sharedLab()).machine("h1");
  const files = "src/drivers/lan/ipvlan.live.test.ts src/drivers/lan/macvlan.live.test.ts";
  const run = `cd ${project} && ${process.execPath} --test --test-reporter=tap ${files}`;
  const { code, stdout, stderr } = await machine.exec(`modprobe -a ipvlan 8021q dummy macvlan veth bridge; ${run}`, {
    timeout: 450_000,
    allowFailure: true,
  });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /# skipped 0/);
});

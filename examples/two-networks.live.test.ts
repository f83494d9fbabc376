import assert from "node:assert/strict";
import { test } from "node:test";
import { Lab, leaked } from "#lab";

test("`two-networks.ts` makes two networks from TypeScript, pings across, and leaves nothing when it ends", async () => {
  using lab = await Lab.create({ hosts: ["h1"] });
  const host = lab.host("h1");
  const before = await host.state();
  const output = await host.sh([process.execPath, `${import.meta.dirname}/two-networks.ts`]);
  assert.match(output, /^a: 172\.17\.0\.2\/16 on blue, 02:42:ac:11:00:02, namespace \S+$/m);
  assert.match(output, /^c: 10\.20\.0\.5\/24 on green/m);
  assert.match(output, /^a is on blue \(172\.17\.0\.2\) and green \(10\.20\.0\.2\)$/m);
  const matrices = output.match(/^ {2}from .*$/gm);
  assert.deepEqual(matrices, [
    "  from a: a yes, b yes, c no",
    "  from b: a yes, b yes, c no",
    "  from c: a no, b no, c yes",
    "  from a: a yes, b yes, c yes",
    "  from b: a yes, b yes, c no",
    "  from c: a no, b no, c yes",
  ]);
  assert.match(output, /^left: host, none; drift: 0$/m);
  // The empty ruleset stays, for the next program or daemon.
  const left = leaked(before, await host.state());
  assert.deepEqual(
    left.filter((thing) => !thing.startsWith("firewall:")),
    [],
  );
  assert.deepEqual(
    left.filter((thing) => thing.includes("elements = ")),
    [],
  );
});

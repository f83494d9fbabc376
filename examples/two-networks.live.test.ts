import assert from "node:assert/strict";
import { test } from "node:test";
import { Lab } from "#lab";

test("`two-networks.ts` makes two networks from TypeScript and leaves nothing when it ends", async () => {
  using lab = await Lab.create({ hosts: ["h1"] });
  const host = lab.host("h1");
  const before = await host.state();
  const output = await host.sh([process.execPath, `${import.meta.dirname}/two-networks.ts`]);
  assert.match(output, /^a: 172\.18\.0\.2\/16 on blue, 02:42:ac:12:00:02, namespace \S+$/m);
  assert.match(output, /^c: 10\.20\.0\.5\/24 on green/m);
  assert.match(output, /^a is on blue \(172\.18\.0\.2\) and green \(10\.20\.0\.2\)$/m);
  assert.match(output, /^left: .*bridge/m);
  const after = await host.state();
  assert.deepEqual(
    after.mounts.filter((mount) => !before.mounts.includes(mount)),
    ["/run/two-networks/netns"],
  );
  assert.deepEqual(
    after.links.filter((link) => !before.links.includes(link)),
    ["docker0"],
  );
});

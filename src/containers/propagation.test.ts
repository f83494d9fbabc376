import assert from "node:assert/strict";
import { test } from "node:test";
import { mountHolding } from "./propagation.ts";

const MOUNTINFO = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:20 / /run rw shared:5 - tmpfs tmpfs rw
31 22 0:21 / /a\\040b rw master:7 - tmpfs tmpfs rw
32 22 0:22 / /run rw - tmpfs tmpfs rw
33 22 0:23 / /srv rw shared:8 master:9 - tmpfs tmpfs rw
`;

test("`mountHolding()` finds the innermost mount of a path, the topmost where they lie on one another", () => {
  const at = (path: string) => mountHolding(path, MOUNTINFO);
  assert.deepEqual(at("/etc/x"), { point: "/", shared: false, slave: false });
  assert.deepEqual(at("/run/x"), { point: "/run", shared: false, slave: false });
  assert.deepEqual(at("/runner"), { point: "/", shared: false, slave: false });
  assert.deepEqual(at("/a b/c"), { point: "/a b", shared: false, slave: true });
  assert.deepEqual(at("/srv"), { point: "/srv", shared: true, slave: true });
});

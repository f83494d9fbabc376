import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpAddr } from "./ip-output.ts";
import { stage } from "./stage.ts";

test("E07 no network: only lo", async (t) => {
  const { host, docker } = await stage(t);
  const { stdout } = await host.docker("run --rm -it --network none busybox ip addr", { tty: true });
  const inside = parseIpAddr(stdout);
  assert.deepEqual([...inside.keys()], ["lo"]);
  assert.deepEqual(inside.get("lo")?.ipv4, ["127.0.0.1/8"]);
  assert.ok(inside.get("lo")?.flags.includes("UP"));
  assert.equal(await docker("run --rm --network none busybox ip route"), "");
  assert.match(await docker("run --rm --network none busybox ping -c 1 -W 1 127.0.0.1"), /1 packets received/);
});

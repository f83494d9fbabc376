import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpAddr } from "./ip-output.ts";
import { stage } from "./stage.ts";

test("E06 host network: the host's own interfaces", async (t) => {
  const { host } = await stage(t);
  const { stdout } = await host.docker("run --rm -it --network host busybox ip addr", { tty: true });
  const inside = parseIpAddr(stdout);
  const outside = parseIpAddr(await host.sh("ip addr"));
  assert.deepEqual([...inside.keys()], [...outside.keys()]);
  assert.ok(inside.has("docker0"));
  assert.deepEqual(inside.get("docker0")?.ipv4, ["172.17.0.1/16"]);
  assert.equal(inside.get("eth0")?.mac, outside.get("eth0")?.mac);
  assert.deepEqual(inside.get("eth0")?.ipv4, ["192.168.56.11/24"]);
  assert.equal(await host.dockerOutput("run --rm --network host busybox hostname"), "host1");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { SHELL_PROMPT } from "#lab";
import { parseIpAddr } from "./ip-output.ts";
import { stage } from "./stage.ts";

test("E01 default bridge: docker0, and a container's eth0 on it", async (t) => {
  const { host } = await stage(t);
  const docker0 = async () => parseIpAddr(await host.sh("ip addr show docker0")).get("docker0");

  await t.test("a fresh daemon has docker0, down while empty", async () => {
    const bridge = await docker0();
    assert.match(bridge?.mac ?? "", /^02:42:/);
    assert.deepEqual(bridge?.ipv4, ["172.17.0.1/16"]);
    assert.equal(bridge?.state, "DOWN");
  });

  const session = host.dockerTerminal("run --rm -it busybox sh");
  await session.waitFor(SHELL_PROMPT);
  const inside = parseIpAddr(await session.answer("ip addr", SHELL_PROMPT));
  const eth0 = inside.get("eth0");

  await t.test("`ip addr` in `docker run --rm -it busybox sh` shows lo and eth0", () => {
    assert.deepEqual([...inside.keys()].sort(), ["eth0", "lo"]);
    assert.match(eth0?.peer ?? "", /^if\d+$/);
    assert.deepEqual(eth0?.ipv4, ["172.17.0.2/16"]);
    assert.match(eth0?.text ?? "", /inet 172\.17\.0\.2\/16 brd 172\.17\.255\.255 scope global eth0$/m);
    assert.equal(eth0?.mac, "02:42:ac:11:00:02");
    assert.equal(eth0?.mtu, 1500);
    assert.ok(eth0?.flags.includes("UP") && eth0.flags.includes("LOWER_UP"), eth0?.text);
  });

  await t.test("the host has the other end in docker0", async () => {
    const links = parseIpAddr(await host.sh("ip link"));
    const veth = [...links.values()].find((link) => /^veth[0-9a-f]{7}$/.test(link.name));
    assert.ok(veth, [...links.keys()].join(" "));
    assert.match(veth.text, /master docker0/);
    assert.match(veth.text, /link-netns/);
    assert.equal(`if${veth.index}`, eth0?.peer);
    assert.equal(veth.peer, `if${eth0?.index}`);
    assert.equal((await docker0())?.state, "UP");

    assert.match(await host.sh("bridge link"), new RegExp(`^${veth.index}: ${veth.name}@\\S+ .* master docker0 `, "m"));
    const brctl = await host.exec("brctl show", { allowFailure: true });
    if (brctl.code === 0) assert.match(brctl.stdout, new RegExp(`^docker0\\s+8000\\.0242[0-9a-f]{8}\\s+no\\s+${veth.name}$`, "m"));
  });

  await t.test("the veth goes with the container, and docker0 is down again", async () => {
    session.write("exit\n");
    assert.equal(await session.ended, 0);
    assert.doesNotMatch(await host.sh("ip link"), /veth/);
    assert.equal((await docker0())?.state, "DOWN");
    assert.equal(await host.dockerOutput("ps -aq"), "");
  });
});

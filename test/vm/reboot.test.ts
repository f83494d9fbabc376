import assert from "node:assert/strict";
import { test } from "node:test";
import { VmLab } from "#lab";
import type { Family } from "../experiments/reach.ts";
import { type VmHost, vmStage } from "./engine.ts";
import { reachAmong } from "./reach.ts";

/** With `fairway.host_access`, and no leg of the hosts' own in the VLAN: each reaches its own containers, and they it. */
const OWN = `
      h1  h2  c11 c12 c21
  h1  -   X   ok  ok  X
  h2  X   -   X   X   ok
  c11 ok  X   -   ok  ok
  c12 ok  X   ok  -   ok
  c21 X   ok  ok  ok  -`;

const NETWORK =
  "network create -d macvlan --subnet 172.16.10.0/24 --ipv6 --subnet fd10::/64 -o parent=eth0.10 -o fairway.host_access=true vlan10";
const addressOf = (name: string, family: Family) => `${family === 4 ? "172.16.10.1" : "fd10::1"}${name.slice(1)}`;
const runOn10 = (name: string, flags = "") =>
  `run -itd --name ${name} ${flags} --network vlan10 --ip ${addressOf(name, 4)} --ip6 ${addressOf(name, 6)} busybox`;

/** A host's own addresses on the LAN of its containers. */
async function accessAddresses(host: VmHost): Promise<Record<Family, string>> {
  const [ipv4 = "", ipv6 = ""] = (await host.sh("ip -o addr show scope global")).match(/(?<=fw-\S+ +inet6? )[0-9a-f.:]+/g) ?? [];
  return { 4: ipv4, 6: ipv6 };
}

/** What must be the same again: links of ours with their kinds and addresses, and the containers'. */
async function facts(host: VmHost): Promise<string> {
  const [containers] = await host.docker(
    `inspect -f '{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}} {{.MacAddress}}{{end}}' c11 c12 web`,
  );
  const links = await host.sh(`for link in eth0.10 $(ls /sys/class/net | grep -E '^(fw-|br-|docker0)'); do
      echo "$link" $(ip -o -d link show "$link" | grep -oE 'id [0-9]+ |(vlan|macvlan|bridge) ') \\
        $(ip -o addr show "$link" scope global | grep -oE 'inet6? [0-9a-f.:/]+')
    done`);
  return `${links}\n${containers}`;
}

test("a host whose power was cut comes back with its networks, their sub-interfaces and containers", {
  skip: VmLab.missing() ?? false,
}, async (t) => {
  const stage = await vmStage();
  const { h1, h2, both } = stage;
  // The layers of images are left to the kernel's write-back, as dockerd leaves them; what comes after this is not.
  await h1.sh("sync");
  await h1.docker(
    "network create web",
    NETWORK,
    runOn10("c11", "--restart always"),
    runOn10("c12"),
    "run -d --name web --restart unless-stopped --network web -p 8080:80 busybox httpd -f -p 80",
  );
  await h2.docker(NETWORK, runOn10("c21"));
  const access = new Map(await both(async (host) => [host.name, await accessAddresses(host)] as const));
  const reach = reachAmong(stage, (station, family) => access.get(station)?.[family] ?? addressOf(station, family));
  const page = () => h2.sh("curl -s -o /dev/null -w '%{http_code}' http://192.168.56.11:8080/");
  await reach(OWN, "before");
  assert.equal(await page(), "404");
  const before = await facts(h1);
  const boot = await h1.sh("cat /proc/sys/kernel/random/boot_id");

  await h1.powerCycle();
  await t.test("it is another boot, on cgroup v2 alone with crun", async () => {
    assert.notEqual(await h1.sh("cat /proc/sys/kernel/random/boot_id"), boot);
    const [info, limit] = await h1.docker(
      "info -f '{{.CgroupVersion}} {{.DefaultRuntime}} {{.KernelVersion}}'",
      "run --rm -m 64m busybox cat /sys/fs/cgroup/memory.max",
    );
    assert.match(info, /^2 crun 6\./);
    assert.equal(limit, String(64 << 20));
  });
  await t.test("containers with a restart policy run again, the others wait to be started", async () => {
    await h1.sh(`until [ "$(timeout 60 docker inspect -f '{{.State.Running}}' c11 web | sort -u)" = true ]; do sleep 0.5; done`);
    const [running] = await h1.docker("inspect -f '{{.State.Running}}' c12", "start c12");
    assert.equal(running, "false");
  });
  await t.test("eth0.10, the host's own sub-interface, bridges and all addresses are as they were", async () => {
    assert.equal(await facts(h1), before);
  });
  await t.test("everybody reaches everybody again, and the published port", async () => {
    await reach(OWN, "after");
    assert.equal(await page(), "404");
  });

  await h1.docker("rm -f c11 c12 web", "network rm web vlan10");
  await h2.docker("rm -f c21", "network rm vlan10");
  for (const host of [h1, h2]) assert.doesNotMatch(await host.sh("ip -o link"), /eth0\.10|fw-/);
});

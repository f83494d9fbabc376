/** `fairway` against the engine on a kernel of its own: command line, socket, endpoints, engine, netlink. The daemon's watch is off, so that drift stays to be seen. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { silentLog } from "#base";
import { type CliWorld, runCli } from "#cli";
import { FirewallInspector } from "#doctor";
import { engineConfig, type LocalEngine, openEngine } from "#engine";
import { isolate } from "#kernel/netns";
import { createServer, type Server, type ServerDependencies } from "#server";
import { MemoryStore } from "#store";
import { extensions } from "../../bin/extensions.ts";
import { runProgram } from "../../bin/run-program.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const options = { skip: isolated ? false : "needs root" };
const HOST = "unix:///run/fairway.sock";
const ip = (...words: string[]) => execFileSync("ip", words, { encoding: "utf8" });
const nft = (command: string) => execFileSync("nft", [command], { encoding: "utf8" });

const stage: { engine?: LocalEngine; server?: Server } = {};

before(async () => {
  if (!isolated) return;
  ip("link", "set", "lo", "up");
  const engine = await openEngine({ config: engineConfig({ dataRoot: "/run/data", execRoot: "/run/fairway" }), store: new MemoryStore() });
  await engine.createNetwork({ name: "blue" });
  const info = () => ({ version: "9.9.9", components: [{ name: "conmon", version: "1" }], experimental: false, name: "host", id: "id" });
  const config = { dataRoot: "/run/data", execRoot: "/run/fairway" };
  const nothing = { list: async () => [], resolve: (name: string) => name, onEvent: () => () => {} };
  const source = { engine, containers: nothing, config, info } as unknown as Parameters<typeof extensions>[0];
  const dependencies = { engine, containers: nothing, images: nothing, info, log: silentLog, extensions: extensions(source) };
  const server = createServer(dependencies as unknown as ServerDependencies);
  await server.listen([HOST]);
  Object.assign(stage, { engine, server });
});

after(async () => {
  await stage.server?.close();
  await stage.engine?.close();
});

async function fairway(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: string[][] = [[], []];
  const world: CliWorld = {
    ...{ argv, environment: {}, version: "0.1.0", checkHost: async () => [] },
    print: (line) => out!.push(line),
    complain: (line) => err!.push(line),
  };
  const code = await runCli(world);
  return { code, out: out!.join("\n"), err: err!.join("\n") };
}

const failures = async () => {
  const { checks } = JSON.parse((await fairway("doctor", "--json")).out) as {
    checks: { name: string; status: string; finding: string; wayOut: string }[];
  };
  return checks.filter(({ status, name }) => status === "fail" && name.startsWith("firewall"));
};

test("`fairway version` shows both sides, as text and as JSON", options, async () => {
  const text = await fairway("version");
  assert.equal(text.code, 0);
  assert.match(text.out, /^Client:\n Version: +0\.1\.0\n[\s\S]*\nDaemon:\n Version: +9\.9\.9\n/);
  const json = JSON.parse((await fairway("--json", "version")).out) as { daemon: { version: string } };
  assert.equal(json.daemon.version, "9.9.9");
});

test("`fairway drift` is silent about a kernel that is as it should be", options, async () => {
  const { code, out } = await fairway("drift");
  assert.equal(out, "No drift: the kernel has what the networks want.");
  assert.equal(code, 0);
});

test("`fairway drift` reports a deleted bridge, address and element, and a stray; --repair mends them", options, async () => {
  const bridge = ip("-br", "link", "show", "type", "bridge").match(/^br-\S+/m)![0];
  const address = ip("-4", "-o", "address", "show", "dev", "docker0").match(/inet (\S+)/)![1]!;
  ip("link", "delete", bridge);
  ip("address", "delete", address, "dev", "docker0");
  nft("delete element inet fairway bridges { docker0 }");
  ip("link", "add", "leaked", "type", "bridge");
  ip("link", "set", "leaked", "alias", "fairway:network:0123");
  ip("link", "add", "foreign", "type", "bridge");

  const seen = await fairway("drift");
  assert.equal(seen.code, 1);
  assert.match(seen.out, new RegExp(`^missing +network blue +link ${bridge} \\(bridge\\)$`, "m"));
  assert.match(seen.out, new RegExp(`^missing +network bridge +address ${address} on docker0$`, "m"));
  assert.match(seen.out, /^missing +network bridge +element docker0 of bridges$/m);
  assert.match(seen.out, /^stray +nobody +link leaked \(bridge\)$/m);
  assert.doesNotMatch(seen.out, /foreign/);
  const json = JSON.parse((await fairway("drift", "--json")).out) as { drift: { kind: string }[] };
  assert.ok(json.drift.length >= 4);
  const checks = (await fairway("doctor", "-q")).out;
  assert.match(checks, /^FAIL {2}drift: /m);
  assert.match(checks, /^FAIL {2}strays: .*leaked/m);

  const repaired = await fairway("drift", "--repair");
  assert.equal(repaired.code, 0, repaired.out);
  assert.match(repaired.out, /^Repaired \d+ objects:$/m);
  assert.equal((await fairway("drift")).code, 0);
  assert.match(ip("-br", "link", "show", "type", "bridge"), new RegExp(bridge));
  assert.match(ip("-4", "-o", "address", "show", "dev", "docker0"), new RegExp(address.replaceAll(".", "\\.")));
  assert.match(nft("list set inet fairway bridges"), /docker0/);
  assert.throws(() => execFileSync("ip", ["link", "show", "leaked"], { stdio: "ignore" }));
  assert.match(ip("-br", "link", "show", "foreign"), /foreign/, "what is not ours stays");
  ip("link", "delete", "foreign");
});

test("`fairway doctor` names a foreign policy drop, and its way out works", options, async () => {
  assert.deepEqual(await failures(), []);
  using inspector = new FirewallInspector(runProgram);
  assert.deepEqual(inspector.warnings(), []);

  nft("add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }");
  const [found, ...more] = await failures();
  assert.deepEqual(more, []);
  assert.equal(found!.name, "firewall-forward");
  assert.match(found!.finding, /^The policy of chain FORWARD of table ip filter drops packets from containers to the outside/);
  assert.match(found!.finding, /docker0/);
  const told = await fairway("doctor");
  assert.equal(told.code, 1);
  assert.match(told.out, /^FAIL {2}firewall-forward: [\s\S]*→ nft insert rule ip filter FORWARD iifname/m);
  using late = new FirewallInspector(runProgram);
  assert.match(late.warnings()[0]!, /^WARNING: The policy of chain FORWARD of table ip filter drops/);

  for (const line of found!.wayOut.split("\n")) execFileSync("sh", ["-c", line]);
  assert.deepEqual(await failures(), []);
  nft("delete table ip filter");
});

test("`fairway doctor` quotes a foreign rule with its handle, also one of iptables", options, async () => {
  nft("add table inet custom; add chain inet custom c { type filter hook forward priority 10; }; add rule inet custom c counter drop");
  assert.match(
    (await failures())[0]!.finding,
    /^Rule "counter drop|^Rule "drop" \(handle \d+\) in chain c of table inet custom drops packets/,
  );
  nft("delete table inet custom");
  execFileSync("iptables-legacy", ["-P", "FORWARD", "DROP"]);
  const [legacy] = await failures();
  assert.match(legacy!.finding, /table ip filter \(iptables-legacy\) drops/);
  for (const line of legacy!.wayOut.split("\n")) execFileSync("sh", ["-c", line]);
  assert.deepEqual(await failures(), []);
  execFileSync("iptables-legacy", ["-P", "FORWARD", "ACCEPT"]);
});

test("`fairway doctor` leaves the host as it was when it has tried the kernel's features", options, async () => {
  // Flags, states and lifetimes aside: a bridge without ports is told to be down some time after it was made.
  const state = () => [ip("-o", "link"), ip("-o", "address"), nft("list ruleset")].join("\n").replace(/<.*| scope .*/g, "");
  const before = state();
  const { checks } = JSON.parse((await fairway("doctor", "--json")).out) as { checks: { name: string; finding: string }[] };
  assert.match(checks.find(({ name }) => name === "kernel")!.finding, /veth, bridge/);
  assert.equal(state(), before);
});

test("`fairway dns log` shows queries as they are answered, and stops after --count", options, async () => {
  const engine = stage.engine!;
  const none = { servers: [], search: [], options: [] };
  await engine.declareSandbox({
    ...{ containerId: "web", containerName: "web", network: { mode: "networks" }, endpoints: [{ network: "blue", spec: {} }] },
    ...{ hostname: "web", domainname: "", dns: none, extraHosts: [], ports: {}, exposed: [], publishAll: false, links: [] },
    ...{ filesDir: "/run/data/web", sysctls: {} },
  });
  const { netnsPath } = await engine.openSandbox("web");
  const text = fairway("dns", "log", "web", "--count", "1");
  const json = fairway("dns", "log", "web", "--json", "-n", "1");
  const ask = () => execFile("nsenter", [`--net=${netnsPath}`, "busybox", "nslookup", "-type=a", "web", "127.0.0.11"], () => {});
  // Until both are listening.
  const asking = setInterval(ask, 200);
  const [shown, object] = await Promise.all([text, json]);
  clearInterval(asking);
  assert.equal(shown.code, 0);
  assert.match(shown.out, /^\d\d:\d\d:\d\d\.\d{3} {2}A +NOERROR +1 +[\d.]+ ms +web +\(Fairway\)$/);
  const query = JSON.parse(object.out) as { name: string; upstream: null; answers: number };
  assert.deepEqual([query.name, query.upstream, query.answers], ["web", null, 1]);
  await engine.closeSandbox("web");
  await engine.forgetSandbox("web");
  assert.equal((await fairway("dns", "log", "web", "-n", "0")).code, 2);
});

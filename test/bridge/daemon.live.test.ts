import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Lab } from "#lab";
import { withoutDockerd } from "../dockerd.ts";
import { until } from "../ports/stage.ts";

const FAIRWAYD = new URL("../../bin/fairwayd", import.meta.url).pathname;

test("the daemon's own flags, signals and refusals", async (t) => {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  const config = `${host.directory}/daemon.json`;
  await host.sh(`echo '{"labels":["a=1"],"debug":false}' >${config}`);
  await host.startDaemon(["--config-file", config]);
  const run = (args: string) => host.exec(`timeout 20 ${FAIRWAYD} ${args}`, { allowFailure: true });
  const roots = `--data-root ${host.directory}/data/other --exec-root /run/other --pidfile /run/other.pid`;

  await t.test("--pidfile holds the daemon's id", async () => {
    const pid = await host.sh("cat /run/fairway.pid");
    assert.match(await host.sh(`tr '\\0' ' ' </proc/${pid}/cmdline`), /fairwayd/);
  });
  await t.test("a second daemon on the same pid file, data root or socket is refused, and the first lives on", async () => {
    const own = `--data-root ${host.directory}/data/fairway --exec-root /run/other`;
    const samePid = await run(`-H unix:///run/x.sock ${own} --pidfile /run/fairway.pid`);
    assert.notEqual(samePid.code, 0);
    assert.match(samePid.stderr, /still running/);
    const sameRoot = await run(`-H unix:///run/x.sock ${own} --pidfile /run/other.pid`);
    assert.notEqual(sameRoot.code, 124, "it started");
    assert.notEqual(sameRoot.code, 0);
    assert.match(sameRoot.stderr, /data root|data-root|in use/i);
    assert.match(await host.dockerOutput("network ls", { timeout: 30_000 }), /bridge/);
  });
  await t.test("-H tcp:// without TLS is refused but on loopback", async () => {
    const { code, stderr } = await run(`-H tcp://0.0.0.0:2375 ${roots}`);
    assert.ok(code !== 0 && code !== 124, `${code}`);
    assert.match(stderr, /tls/i);
  });
  await t.test("unknown flags, bad values and --validate", async () => {
    const unknown = await run("--no-such-flag");
    assert.equal(unknown.code, 125);
    assert.match(unknown.stderr, /unknown flag: --no-such-flag/);
    assert.notEqual((await run("--bip nonsense --validate")).code, 0);
    assert.notEqual((await run("--default-address-pool base=10.0.0.0/8 --validate")).code, 0);
    assert.notEqual((await run("-b br0 --bip 10.0.0.1/24 --validate")).code, 0);
    const valid = await run(`--validate --config-file ${config}`);
    assert.equal(valid.code, 0);
    assert.match(valid.stdout + valid.stderr, /configuration OK/);
    await host.sh(`echo '{"nosuch":1}' >${host.directory}/bad.json`);
    const bad = await run(`--validate --config-file ${host.directory}/bad.json`);
    assert.notEqual(bad.code, 0);
    assert.match(bad.stderr, /nosuch/);
  });
  await t.test("SIGHUP reloads the labels; what is wrong is not taken over", async () => {
    const events = host.dockerSpawn("events --filter type=daemon");
    await sleep(500);
    await host.sh(`echo '{"labels":["a=2"],"debug":true,"bip":"10.1.1.1/24"}' >${config}; kill -HUP $(cat /run/fairway.pid)`);
    await events.waitFor(/daemon reload/);
    events.kill();
    assert.equal(await host.dockerOutput("info -f '{{json .Labels}} {{.Debug}}'", { timeout: 30_000 }), '["a=2"] true');
    assert.doesNotMatch(await host.sh("ip -o -4 addr show docker0"), /10\.1\.1\.1/);
    await host.sh(`echo '{' >${config}; kill -HUP $(cat /run/fairway.pid)`);
    await sleep(300);
    assert.match(host.daemon.log, /not reloaded/);
    assert.equal(host.daemon.running, true);
  });
  await t.test("SIGUSR1 writes the state down", async () => {
    await host.sh("kill -USR1 $(cat /run/fairway.pid)");
    await sleep(500);
    const file = readdirSync(`/proc/${host.pid}/root/run/fairway`).find((name) => name.startsWith("state-dump-"));
    assert.ok(file);
    assert.match(await host.sh(`cat /run/fairway/${file}`), /"networks"/);
  });
  await t.test("SIGTERM ends it with 0 and takes the pid file away", async () => {
    assert.equal(await host.daemon.stop(), 0);
    assert.equal((await host.exec("test -e /run/fairway.pid", { allowFailure: true })).code, 1);
  });
});

test("beside a real dockerd: another bridge, another subnet, and neither harms the other", { skip: withoutDockerd }, async (t) => {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  const theirs = await host.startDockerd(["-H", "unix:///run/theirs.sock"]);
  t.after(() => theirs.stop());
  await host.sh(`mv ${host.socket} ${host.socket}.theirs`);
  const before = await host.sh("ip -o -4 addr show docker0; iptables-save | grep -v '^[#:]'");
  await host.startDaemon();
  await until(async () => (await host.docker("version", { allowFailure: true, timeout: 30_000 })).code === 0);
  await host.importBusybox();
  const docker = (args: string) => host.dockerOutput(args, { timeout: 30_000 });
  assert.match(host.daemon.log, /docker0 belongs to another container engine/);
  assert.match(await host.sh("ip -o -4 addr show fairway0"), /172\.18\.0\.1\/16/);
  await docker("run -d --name ours -p 8001:80 busybox sh -c 'echo ours >/tmp/index.html; httpd -f -p 80 -h /tmp'");
  assert.equal(await host.sh("ip -o -4 addr show docker0; iptables-save | grep -v '^[#:]'"), before);
  assert.equal((await host.exec("curl -s -m 3 http://127.0.0.1:8001/", { allowFailure: true })).stdout.trim(), "ours");
  const fromOutside = await lab.outside.exec("curl -s -m 3 http://192.168.56.11:8001/", { allowFailure: true });
  const out = await host.docker("exec ours ping -c 1 -W 1 192.168.56.1", { allowFailure: true });
  assert.match(await docker("info -f '{{json .Warnings}}'"), /FORWARD|forward/);
  t.diagnostic(`with dockerd's FORWARD policy: published from outside ${fromOutside.code === 0}, out ${out.code === 0}`);
});

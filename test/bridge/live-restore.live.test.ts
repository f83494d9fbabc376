import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Lab } from "#lab";
import { http, until, web } from "../ports/stage.ts";

async function stage(t: TestContext, ...flags: readonly string[]) {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  const config = `${host.directory}/daemon.json`;
  await host.sh(`echo '{}' >${config}`);
  await host.startDaemon(["--config-file", config, ...flags]);
  await host.importBusybox();
  const docker = (args: string) => host.dockerOutput(args, { timeout: 30_000 });
  const state = (name: string) => docker(`inspect -f '{{.State.Status}} {{.State.ExitCode}}' ${name}`);
  return { host, config, docker, state };
}

/** Ends with 7 on a signal; a shell as first process ignores all others. */
const ENDS_ON = (signal: string) => `sh -c "trap 'exit 7' ${signal}; touch /ready; while :; do sleep 0.1; done"`;

test("--live-restore=false: SIGTERM stops containers by their own signal and time, and the next start obeys their policies", async (t) => {
  const { host, docker, state } = await stage(t, "--live-restore=false", "--shutdown-timeout", "9");
  assert.equal(await docker("info -f '{{.LiveRestoreEnabled}}'"), "false");
  await docker("network create own");
  await docker(`run -d --name polite --network own --stop-signal USR1 --restart always busybox ${ENDS_ON("USR1")}`);
  await docker(`run -d --name once --network own busybox ${ENDS_ON("TERM")}`);
  await docker(`run -d --name deaf --network own --stop-timeout 1 --restart unless-stopped -p 8001:80 busybox ${web("deaf", 80)}`);
  await docker("run -d --name byhand --restart unless-stopped --stop-timeout 0 busybox sleep 1000");
  await docker("run -d --rm --name transient --stop-timeout 0 busybox sleep 1000");
  await docker("stop byhand");
  for (const name of ["polite", "once"])
    await until(async () => (await host.docker(`exec ${name} test -e /ready`, { allowFailure: true })).code === 0);
  await until(async () => (await http(host, "http://127.0.0.1:8001/")) === "deaf");
  const address = await docker("inspect -f '{{.NetworkSettings.Networks.own.IPAddress}}' deaf");

  assert.equal(await host.daemon.stop(), 0);
  assert.equal(await host.sh("ip -o link show type veth | grep -v eth0 || true"), "", "no container has an interface any more");
  assert.equal(await host.sh("pgrep -x conmon || true"), "");
  assert.match(host.daemon.log, /Stopping containers/);
  assert.match(host.daemon.log, /did not stop in time, killing it/);

  await host.daemon.start();
  assert.match(await state("polite"), /^running/);
  assert.match(await state("deaf"), /^running/);
  assert.equal(await state("once"), "exited 7");
  assert.equal(await state("byhand"), "exited 137", "stopped by its user: unless-stopped leaves it so");
  assert.equal(await docker("ps -aq --filter name=transient"), "", "--rm");
  assert.equal(await docker("inspect -f '{{.NetworkSettings.Networks.own.IPAddress}}' deaf"), address);
  await until(async () => (await http(host, "http://127.0.0.1:8001/")) === "deaf");
});

test('"live-restore" of the configuration file is read again on SIGHUP, and true leaves containers running', async (t) => {
  const { host, config, docker, state } = await stage(t);
  assert.equal(await docker("info -f '{{.LiveRestoreEnabled}}'"), "true", "what it is without a word from its user");
  const told = async (value: boolean) => {
    await host.sh(`echo '{"live-restore":${value}}' >${config}; kill -HUP $(cat /run/fairway.pid)`);
    await until(async () => (await docker("info -f '{{.LiveRestoreEnabled}}'")) === String(value));
  };
  await told(false);
  await told(true);
  await docker("run -d --name ca --stop-timeout 0 busybox sleep 1000");
  const pid = await docker("inspect -f '{{.State.Pid}}' ca");
  assert.equal(await host.daemon.stop(), 0);
  await host.daemon.start();
  assert.equal(await docker("inspect -f '{{.State.Pid}}' ca"), pid);
  await told(false);
  assert.equal(await host.daemon.stop(), 0);
  await host.daemon.start();
  assert.equal(await state("ca"), "exited 137");
});

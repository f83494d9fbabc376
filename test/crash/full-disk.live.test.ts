import assert from "node:assert/strict";
import { test } from "node:test";
import { Lab } from "#lab";

test("on a full disk containers are stopped and the daemon lives; when there is room again everything works", async (t) => {
  const lab = await Lab.create({ hosts: ["host1"] });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  const data = "/run/small";
  await host.sh(`mkdir ${data}; mount -t tmpfs -o size=24m tmpfs ${data}`);
  await host.startDaemon([`--data-root=${data}/fairway`]);
  await host.importBusybox();
  const docker = (args: string) => host.dockerOutput(args, { timeout: 30_000 });
  const status = (name: string) => docker(`inspect ${name} --format '{{.State.Status}} {{.State.ExitCode}}'`);
  await docker("network create blue");
  await docker("run -d --name web --network blue -p 8080:80 busybox sleep 1000");
  await docker(`run -d --name polite busybox sh -c 'trap "exit 4" TERM; while :; do sleep 0.1; done'`);
  await host.exec(`head -c 50000000 /dev/zero >${data}/ballast`, { allowFailure: true });

  const refused = await host.docker("network create red", { allowFailure: true, timeout: 30_000 });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /the disk is full/);
  assert.equal(await docker("stop -t 0 web"), "web");
  assert.equal(await status("web"), "exited 137");
  await docker("kill -s TERM polite");
  assert.equal(await docker("wait polite"), "4");

  await host.sh(`rm ${data}/ballast`);
  await docker("rm -f polite");
  await docker("start web");
  assert.equal(await docker("exec web echo inside"), "inside");
  await host.daemon.kill();
  await host.daemon.start();
  assert.equal(await status("web"), "running 0");
  await docker("rm -f web");
  await docker("network rm blue");
  const { namespaces, links } = await host.state();
  assert.deepEqual([namespaces.length, links.filter((link) => /^(veth|br-)/.test(link))], [1, []]);
});

test("a log that cannot be written ends no daemon", async (t) => {
  const lab = await Lab.create({ hosts: ["host1"] });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  const fairwayd = new URL("../../bin/fairwayd", import.meta.url).pathname;
  const places = `--data-root ${host.directory}/data/fairway --exec-root /run/fairway --pidfile /run/fairway.pid`;
  host.spawn(["sh", "-c", `exec ${fairwayd} --debug -H unix://${host.socket} ${places} 2>/dev/full`]);
  await host.sh(`for try in $(seq 300); do [ -S ${host.socket} ] && break; sleep 0.1; done`);
  assert.match(await host.dockerOutput("network create blue", { timeout: 30_000 }), /^[0-9a-f]{64}$/);
  await host.sh("kill -HUP $(cat /run/fairway.pid); kill -USR1 $(cat /run/fairway.pid)");
  assert.match(await host.dockerOutput("network ls", { timeout: 30_000 }), /blue/);
});

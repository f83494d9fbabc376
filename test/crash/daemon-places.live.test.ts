import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Host, Lab } from "#lab";
import { until } from "../ports/stage.ts";

const FAIRWAYD = new URL("../../bin/fairwayd", import.meta.url).pathname;

async function stage(t: TestContext): Promise<Host> {
  const lab = await Lab.create({ hosts: ["host1"] });
  t.after(() => lab.dispose());
  return lab.host("host1");
}

test("a daemon that cannot have its places says which, starts nothing and leaves nothing", async (t) => {
  const host = await stage(t);
  await host.startDaemon();
  await host.sh(
    "mkdir /run/dir /run/ro /run/small; touch /run/file; mount -t tmpfs -o ro tmpfs /run/ro; mount -t tmpfs -o size=16k tmpfs /run/small",
  );
  await host.sh("mkdir /run/damaged; head -c 9000 /dev/urandom >/run/damaged/fairway.db");
  const before = await host.state();
  const other = (flags: Record<string, string>) => {
    const own = { "data-root": "/run/other-data", "exec-root": "/run/other", pidfile: "/run/other.pid", host: "unix:///run/other.sock" };
    const words = Object.entries({ ...own, ...flags }).map(([name, value]) => `--${name}=${value}`);
    return host.exec(["timeout", "30", FAIRWAYD, ...words], { allowFailure: true });
  };
  const refusals: readonly [flags: Record<string, string>, says: RegExp][] = [
    [{ "exec-root": "/run/fairway" }, /process with PID \d+ is still running: pid file \/run\/fairway\/owner\.pid/],
    [{ "data-root": "/run/file" }, /Cannot use --data-root \/run\/file: /],
    [{ "data-root": "/run/ro" }, /Cannot use --data-root \/run\/ro: EROFS/],
    [{ "data-root": "/run/ro/deeper" }, /Cannot use --data-root \/run\/ro\/deeper: /],
    [{ "exec-root": "/run/file" }, /Cannot use --exec-root \/run\/file: /],
    [{ "data-root": "/run/small" }, /the disk is full/],
    [{ "data-root": "/run/damaged" }, /is not an SQLite database/],
    [{ "log-opt": "bogus=1" }, /unknown log opt 'bogus' for json-file log driver/],
    [{ "log-driver": "syslog" }, /no log driver named 'syslog'/],
  ];
  for (const [flags, says] of refusals) {
    const { code, stderr } = await other(flags);
    assert.equal(code, 1, `${JSON.stringify(flags)}: ${stderr}`);
    assert.match(stderr, says);
  }
  assert.deepEqual((await host.state()).links, before.links);
  assert.match(await host.dockerOutput("network ls", { timeout: 30_000 }), /bridge/);
});

test("pid files of the dead, of others and of nobody stop no daemon", async (t) => {
  const host = await stage(t);
  for (const content of ["999999", "garbage", "", "1"]) {
    await host.sh(["sh", "-c", 'mkdir -p /run/fairway; printf %s "$1" | tee /run/fairway.pid >/run/fairway/owner.pid', "sh", content]);
    const daemon = await host.startDaemon();
    await daemon.kill();
  }
});

test("containers are given what --log-driver, --no-new-privileges and the default modes say, unless they say otherwise", async (t) => {
  const host = await stage(t);
  await host.startDaemon([
    ...["--log-driver=local", "--log-opt=max-size=1m", "--no-new-privileges", "--default-ipc-mode=shareable"],
    ...["--default-cgroupns-mode=private", "--default-ulimit=nofile=300:400", "--default-shm-size=8m", "--init"],
  ]);
  await host.importBusybox();
  const docker = (args: string) => host.dockerOutput(args, { timeout: 30_000 });
  const shown = "{{json .HostConfig.LogConfig}} {{.HostConfig.IpcMode}} {{.HostConfig.CgroupnsMode}}";
  await docker("create --name plain busybox true");
  assert.equal(await docker(`inspect plain --format '${shown}'`), '{"Type":"local","Config":{"max-size":"1m"}} shareable private');
  await docker("create --name own --log-driver json-file --ipc none --cgroupns host busybox true");
  assert.equal(await docker(`inspect own --format '${shown}'`), '{"Type":"json-file","Config":{}} none host');
  const inside = "sh -c 'grep NoNewPrivs /proc/self/status; ulimit -n; df -k /dev/shm | tail -1; cat /proc/1/comm'";
  assert.match(await docker(`run --rm busybox ${inside}`), /NoNewPrivs:\s+1\n300\n.* 8192 [\s\S]*(docker-init|tini|catatonit)/);
  assert.match(await docker("run --rm --security-opt no-new-privileges=false busybox grep NoNew /proc/self/status"), /0$/);
});

test("SIGHUP changes the shared memory and ulimits that new containers are given, and says which options wait for a start", async (t) => {
  const host = await stage(t);
  const configure = (options: object) => host.sh(["sh", "-c", 'printf %s "$1" >/run/daemon.json', "sh", JSON.stringify(options)]);
  const docker = (args: string) => host.dockerOutput(args, { timeout: 30_000 });
  const given = async (name: string) => {
    await docker(`create --name ${name} busybox true`);
    return docker(`inspect ${name} --format '{{.HostConfig.ShmSize}} {{json .HostConfig.Ulimits}}'`);
  };
  await configure({ "default-shm-size": "8m" });
  await host.startDaemon(["--config-file=/run/daemon.json"]);
  await host.importBusybox();
  assert.equal(await given("before"), "8388608 []");
  const ulimits = { nofile: { Name: "nofile", Soft: 300, Hard: 400 } };
  await configure({
    "default-shm-size": "16m",
    "default-ulimits": ulimits,
    "default-runtime": "io.containerd.runc.v2",
    labels: ["read=again"],
  });
  await host.sh("kill -HUP $(cat /run/fairway.pid)");
  await until(async () => (await docker("info -f '{{json .Labels}}'")) === '["read=again"]', 30_000);
  assert.equal(await given("after"), '16777216 [{"Name":"nofile","Hard":400,"Soft":300}]');
  assert.match(host.daemon.log, /default-runtime has changed in the configuration file: it takes effect at the next start/);
});

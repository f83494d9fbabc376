import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { startFakeServer } from "./fakes/server.ts";

/** The unmodified docker CLI against the server with fakes behind it. */
const skip = spawnSync("docker", ["--version"]).status === 0 ? false : "no docker CLI here";

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer();
});
after(() => fake.close());

function docker(
  line: string,
  options: { input?: string; version?: string } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DOCKER_HOST: fake.host, DOCKER_CONFIG: "/nonexistent", DOCKER_CLI_HINTS: "false" };
    const child = spawn("docker", line.split(" "), {
      env: options.version ? { ...env, DOCKER_API_VERSION: options.version } : env,
      timeout: 20_000,
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
    child.stdin.on("error", () => {}).end(options.input ?? "");
  });
}

test("docker version and info show the daemon", { skip }, async () => {
  const version = await docker("version");
  assert.match(version.out, /Server: Fairway\n Engine:\n {2}Version: {10}0\.1\.0\n {2}API version: {6}1\.50 \(minimum version 1\.24\)/);
  const info = await docker("info");
  assert.match(info.out, /Storage Driver: overlay2/);
  assert.match(info.out, /Network: bridge host ipvlan macvlan null overlay/);
  assert.doesNotMatch(info.err, /WARNING|ERROR/);
});

test("docker network create, ls, inspect, connect, disconnect, rm and prune", { skip }, async () => {
  const made = await docker("network create --driver bridge --subnet 10.9.0.0/24 --label a=b n1");
  assert.match(made.out, /^[0-9a-f]{64}\n$/);
  assert.match((await docker("network ls")).out, /n1 +bridge +local/);
  assert.equal((await docker("network inspect n1 -f {{.Name}}/{{.Driver}}")).out, "n1/bridge\n");
  const [view] = JSON.parse((await docker("network inspect n1")).out);
  assert.deepEqual([view.IPAM.Config[0].Subnet, view.Labels.a], ["10.9.0.0/24", "b"]);
  assert.deepEqual(await docker("network create n1"), {
    code: 1,
    out: "",
    err: "Error response from daemon: network with name n1 already exists\n",
  });
  await docker("create --name c1 busybox sleep");
  assert.equal((await docker("network connect --alias x --ip 10.9.0.5 n1 c1")).code, 0);
  assert.equal((await docker("network disconnect n1 c1")).code, 0);
  assert.equal((await docker("network rm n1")).out, "n1\n");
  // The words of 28 are the daemon's, those of 20.10 its own.
  assert.match((await docker("network inspect n1")).err, /network n1 not found|No such network: n1/);
  await docker("network create n2");
  assert.equal((await docker("network prune -f")).out, "Deleted Networks:\nn2\n\n");
});

test("docker run in the foreground brings output, errors and exit code", { skip }, async () => {
  assert.deepEqual(await docker("run --rm busybox echo hello world"), { code: 0, out: "hello world\n", err: "" });
  assert.deepEqual(await docker("run --rm busybox false"), { code: 1, out: "", err: "no\n" });
  assert.deepEqual(await docker("run --rm -i busybox cat", { input: "typed" }), { code: 0, out: "typed", err: "" });
  for (const version of ["1.24", "1.41", "1.43", "1.47"])
    assert.equal((await docker("run --rm busybox echo hi", { version })).out, "hi\n", version);
  const missing = await docker("run --pull never nope");
  assert.equal(missing.code, 125);
  assert.match(missing.err, /No such image: nope:latest/);
});

test("docker exec, logs, ps, stop, wait, kill and rm", { skip }, async () => {
  assert.match((await docker("run -d --name w busybox sleep")).out, /^[0-9a-f]{64}\n$/);
  assert.match((await docker("ps")).out, /busybox +"sleep".* w\n/);
  assert.deepEqual(await docker("exec w echo yo"), { code: 0, out: "yo\n", err: "err\n" });
  assert.deepEqual(await docker("exec -i w cat", { input: "in" }), { code: 0, out: "in", err: "" });
  assert.deepEqual(await docker("logs w"), { code: 0, out: "one\n", err: "two\n" });
  assert.match((await docker("rm w")).err, /container is running: stop the container before removing or force remove/);
  assert.equal((await docker("stop -t 1 w")).out, "w\n");
  assert.equal((await docker("wait w")).out, "137\n");
  assert.match((await docker("kill w")).err, /container is not running/);
  assert.equal((await docker("rm w")).out, "w\n");
  assert.match((await docker("inspect w")).err, /no such object: w/i);
});

test("docker images, tag, history, save, import, load and rmi", { skip }, async () => {
  assert.match((await docker("images")).out, /busybox +latest +a{12}/);
  assert.equal((await docker("tag busybox other:v1")).code, 0);
  assert.match((await docker("import - new:v1", { input: "tar" })).out, /^sha256:c{64}\n$/);
  assert.equal((await docker("load", { input: "tar" })).out, "Loaded image: busybox:latest\n");
  assert.equal((await docker("save busybox")).code, 0);
  assert.match((await docker("rmi busybox")).out, /Untagged: busybox:latest/);
  assert.match((await docker("pull alpine")).err, /pull is not supported yet/);
});

test("docker swarm, node and service say what Docker says on a node without a swarm", { skip }, async () => {
  assert.match((await docker("service ls")).err, /^Error response from daemon: This node is not a swarm manager\./);
  assert.equal((await docker("plugin ls")).code, 0);
  assert.equal((await docker("volume ls")).code, 0);
  assert.equal((await docker("system df")).code, 0);
});

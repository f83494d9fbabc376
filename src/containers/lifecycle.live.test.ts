// Length: one machine of its own and one bench serve every case; a second file would set up both again.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { FairwayError } from "#base";
import { Bench, collect, isolateProcesses } from "./testing.ts";
import type { ContainerEvent } from "./types.ts";

isolateProcesses();

const status = async (bench: Bench, id: string) => (await bench.containers.inspect(id)).State as Record<string, unknown>;
const message = (pattern: RegExp, category?: string) => (error: unknown) => {
  assert.ok(error instanceof FairwayError, String(error));
  assert.match(error.message, pattern);
  if (category) assert.equal(error.category, category);
  return true;
};
const until = async (condition: () => boolean | Promise<boolean>, limit = 30_000) => {
  for (const end = Date.now() + limit; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail("timed out");
};

describe("containers", { timeout: 240_000 }, () => {
  let bench: Bench;
  before(async () => {
    bench = await Bench.open();
  });
  after(async () => {
    await bench[Symbol.asyncDispose]();
    assert.deepEqual(bench.leftovers(), []);
  });

  it("`start()` runs the command with its output, exit code and id", async () => {
    const run = await bench.run(["sh", "-c", "echo out; echo err >&2; hostname; exit 3"]);
    assert.deepEqual([run.code, run.stdout, run.stderr], [3, `out\n${run.id.slice(0, 12)}\n`, "err\n"]);
    const state = await status(bench, run.id);
    assert.deepEqual([state.Status, state.Running, state.Pid, state.ExitCode], ["exited", false, 0, 3]);
  });

  it("`start()` gives 127 for a missing command and 126 for one that cannot be run", async () => {
    for (const [command, code, words] of [
      [
        "nosuch",
        127,
        /^failed to create task for container: failed to create shim task: OCI runtime create failed: .*exec: "nosuch": executable file not found in \$PATH.*: unknown$/,
      ],
      ["/bin/noexec", 126, /permission denied/],
    ] as const) {
      const { Id } = await bench.create([command]);
      await assert.rejects(bench.containers.start(Id), message(words, "invalidParameter"));
      const state = await status(bench, Id);
      assert.deepEqual([state.Status, state.ExitCode], ["created", code]);
      await bench.containers.remove(Id, { force: false, volumes: true, link: false });
    }
  });

  it("gives the process what was asked for", async () => {
    const body = { Env: ["A=1", "PATH=/bin"], WorkingDir: "/made/here", User: "bob", Hostname: "box" };
    const { stdout } = await bench.run(["sh", "-c", "id; pwd; echo $A $PATH $HOSTNAME; hostname; cat /etc/hostname"], body);
    assert.equal(stdout, "uid=1000(bob) gid=1000(bob) groups=50(staff),1000(bob)\n/made/here\n1 /bin box\nbox\nbox\n");
  });

  it("gives the default capabilities, seccomp and read-only places, and what changes them", async () => {
    const read = "grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs)' /proc/self/status";
    const plain = await bench.run(["sh", "-c", read]);
    assert.match(plain.stdout, /CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2/);
    const less = await bench.run(["sh", "-c", read], {
      HostConfig: { CapDrop: ["ALL"], CapAdd: ["NET_ADMIN"], SecurityOpt: ["no-new-privileges", "seccomp=unconfined"] },
    });
    assert.match(less.stdout, /CapEff:\t0000000000001000\nCapBnd:\t0000000000001000\nNoNewPrivs:\t1\nSeccomp:\t0/);
    const all = await bench.run(["sh", "-c", `${read}; ls /dev/kmsg; touch /proc/sys/kernel/domainname && echo writable`], {
      HostConfig: { Privileged: true },
    });
    assert.match(all.stdout, /CapEff:\t(?!00000000a80425fb)[0-9a-f]{16}\n(.*\n)*Seccomp:\t0/);
    assert.match(all.stdout, /writable/);
    const masked = await bench.run(["sh", "-c", "cat /proc/keys; ls /sys/firmware; echo x > /proc/sys/kernel/domainname || echo refused"]);
    assert.equal(masked.stdout, "refused\n");
  });

  it("applies limits, sysctls, ulimits, tmpfs, shm size and a read-only root", async () => {
    const { stdout } = await bench.run(
      [
        "sh",
        "-c",
        "ulimit -n; cat /proc/sys/net/ipv4/ip_forward; df -m /dev/shm /t | awk '{print $2}'; touch /x || echo ro; touch /t/x && echo rw; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us",
      ],
      {
        HostConfig: {
          Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
          Sysctls: { "net.ipv4.ip_forward": "1" },
          ShmSize: 8 << 20,
          Tmpfs: { "/t": "size=4m" },
          ReadonlyRootfs: true,
          Memory: 64 << 20,
          PidsLimit: 20,
          NanoCpus: 500_000_000,
        },
      },
    );
    assert.match(stdout, /^100\n1\n1M-blocks\n8\n4\nro\nrw\n67108864\n20\n50000\n$/);
  });

  it("mounts binds, named and anonymous volumes, filled from the image", async () => {
    writeFileSync(`${bench.root}/file`, "bound\n");
    const body = {
      Volumes: { "/anon": {} },
      HostConfig: { Binds: ["vol1:/data", `${bench.root}/file:/etc/bound:ro`, `${bench.root}/made:/made`] },
    };
    const first = await bench.run(
      ["sh", "-c", "cat /data/seed /etc/bound; echo more > /data/more; echo x > /etc/bound || echo ro; touch /anon/a /made/b"],
      body,
    );
    assert.equal(first.stdout, "from the image\nbound\nro\n");
    const second = await bench.run(["cat", "/data/more"], { HostConfig: { Binds: ["vol1:/data"] } });
    assert.equal(second.stdout, "more\n");
    const third = await bench.run(["cat", "/data/more"], { HostConfig: { VolumesFrom: [second.id] } });
    assert.equal(third.stdout, "more\n");
    const mounts = (await bench.containers.inspect(first.id)).Mounts as { Name?: string; Destination: string; Type: string }[];
    assert.deepEqual(mounts.map(({ Type, Destination }) => `${Type} ${Destination}`).sort(), [
      "bind /etc/bound",
      "bind /made",
      "volume /anon",
      "volume /data",
    ]);
    const anonymous = mounts.find(({ Destination }) => Destination === "/anon")!.Name!;
    for (const { id } of [third, second, first]) await bench.containers.remove(id, { force: false, volumes: true, link: false });
    assert.ok(!bench.containers.volumes.has(anonymous));
    assert.ok(bench.containers.volumes.has("vol1"));
    await bench.containers.volumes.remove("vol1", bench.containers.usersOfVolume("vol1"));
  });

  it("`attach()` carries a stdin of many packets to its end, byte for byte", async () => {
    const { Id } = await bench.create(["sh", "-c", "cat | md5sum"], { OpenStdin: true, StdinOnce: true, AttachStdin: true });
    const session = await bench.containers.attach(Id, { stdin: true, stdout: true, stderr: true, logs: false, stream: true });
    await bench.containers.start(Id);
    const data = Buffer.alloc(3_000_000, "0123456789abcdef\n");
    const output = collect(session.output);
    await session.write(data.subarray(0, 1_000_001));
    await session.write(data.subarray(1_000_001));
    await session.closeInput();
    const { createHash } = await import("node:crypto");
    assert.equal((await output).stdout, `${createHash("md5").update(data).digest("hex")}  -\n`);
  });

  it("`attach()` keeps input that came before the start", async () => {
    const { Id } = await bench.create(["sh", "-c", "cat; echo over"], { OpenStdin: true, StdinOnce: true });
    const session = await bench.containers.attach(Id, { stdin: true, stdout: true, stderr: true, logs: false, stream: true });
    const sent = session.write(Buffer.from("early\n")).then(() => session.closeInput());
    await bench.containers.start(Id);
    assert.equal((await collect(session.output)).stdout, "early\nover\n");
    await sent;
  });

  it("`attach()` with a tty resizes, detaches by its keys and attaches again", async () => {
    const events: string[] = [];
    const stop = bench.containers.onEvent(({ action }) => events.push(action));
    const { Id } = await bench.create(["sh"], { OpenStdin: true, StdinOnce: true, Tty: true });
    const attach = () => bench.containers.attach(Id, { stdin: true, stdout: true, stderr: true, logs: false, stream: true });
    const first = await attach();
    const firstOutput = collect(first.output);
    await bench.containers.start(Id);
    await bench.containers.resize(Id, 40, 120);
    await first.write(Buffer.from("stty size; echo $TERM\n"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await first.write(Uint8Array.of(16, 17));
    assert.match((await firstOutput).stdout, /40 120\r\nxterm\r\n/);
    assert.equal((await status(bench, Id)).Running, true);
    const second = await attach();
    const secondOutput = collect(second.output);
    await second.write(Buffer.from("echo again; exit 7\n"));
    assert.match((await secondOutput).stdout, /again\r\n/);
    await until(async () => (await status(bench, Id)).ExitCode === 7);
    stop();
    assert.deepEqual(events, ["create", "attach", "start", "resize", "detach", "attach", "die"]);
  });

  it("`attach()` serves several clients at once", async () => {
    const { Id } = await bench.create(["sh", "-c", "read x; echo got $x"], { OpenStdin: true });
    const options = { stdout: true, stderr: true, logs: false, stream: true };
    const a = await bench.containers.attach(Id, { ...options, stdin: true });
    await bench.containers.start(Id);
    const b = await bench.containers.attach(Id, { ...options, stdin: false });
    const both = Promise.all([collect(a.output), collect(b.output)]);
    await a.write(Buffer.from("word\n"));
    assert.deepEqual(
      (await both).map(({ stdout }) => stdout),
      ["got word\n", "got word\n"],
    );
  });

  it("`logs()` gives exact bytes, tails, follows and keeps the log over a restart", async () => {
    const { id } = await bench.run([
      "sh",
      "-c",
      "printf 'one\\ntwo'; printf 'E1\\nE2\\n' >&2; sleep 0.1; printf '\\nthree'; head -c 20000 /dev/zero | tr '\\0' x; echo; printf tail",
    ]);
    const all = { stdout: true, stderr: true, follow: false, timestamps: false };
    const read = async (options: object) => collect((await bench.containers.logs(id, { ...all, ...options })).output);
    const expected = `one\ntwo\nthree${"x".repeat(20000)}\ntail`;
    assert.deepEqual(await read({}), { stdout: expected, stderr: "E1\nE2\n" });
    assert.equal((await read({ stderr: false, tail: 2 })).stdout, `three${"x".repeat(20000)}\ntail`);
    assert.equal((await read({ tail: 0 })).stdout, "");
    assert.match((await read({ timestamps: true, tail: 1 })).stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z tail$/);
    assert.equal((await read({ since: Date.now() / 1000 + 10 })).stdout, "");
    assert.equal((await read({ until: Date.now() / 1000 - 100 })).stdout, "");
    const exit = bench.containers.wait(id, "next-exit").result;
    await bench.containers.start(id);
    const followed = read({ follow: true, stderr: false });
    await exit;
    assert.equal((await followed).stdout, expected + expected);
  });

  it("`stop()` sends the stop signal, then kills; `kill()` sends any", async () => {
    const events: ContainerEvent[] = [];
    const listen = bench.containers.onEvent((event) => events.push(event));
    const trap = (await bench.create(["sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done"], { StopSignal: "SIGUSR1" })).Id;
    await bench.containers.start(trap);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await bench.containers.stop(trap, {});
    assert.equal((await status(bench, trap)).ExitCode, 9);
    await assert.rejects(bench.containers.stop(trap, {}), message(/already stopped/, "notModified"));
    await assert.rejects(bench.containers.kill(trap, "TERM"), message(/^Cannot kill container: .* is not running$/, "conflict"));
    const deaf = (await bench.create(["sleep", "1000"])).Id;
    await bench.containers.start(deaf);
    await assert.rejects(bench.containers.start(deaf), message(/already running/, "notModified"));
    await assert.rejects(bench.containers.kill(deaf, "nonsense"), message(/^Invalid signal: nonsense$/, "invalidParameter"));
    await bench.containers.stop(deaf, { timeout: 0 });
    assert.equal((await status(bench, deaf)).ExitCode, 137);
    listen();
    const seen = events
      .filter(({ containerId }) => containerId === deaf)
      .map(({ action, attributes }) => `${action} ${attributes.signal ?? attributes.exitCode ?? ""}`);
    assert.deepEqual(seen, ["create ", "start ", "kill 15", "kill 9", "die 137", "stop "]);
  });

  it("a running container's root is mounted in its own namespace alone, where inspect says", async () => {
    const { Id } = await bench.create(["sh", "-c", "echo here > /mark; sleep 1000"]);
    const root = async () => ((await bench.containers.inspect(Id)).GraphDriver as { Data: { MergedDir: string } }).Data.MergedDir;
    await bench.containers.start(Id);
    await until(async () => existsSync(`${await root()}/mark`));
    assert.equal(readFileSync(`${await root()}/mark`, "utf8"), "here\n");
    assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(Id));
    await bench.containers.restart(Id, { timeout: 0 });
    await until(async () => existsSync(`${await root()}/mark`));
    await bench.containers.stop(Id, { timeout: 0 });
    assert.match(await root(), new RegExp(`${Id}/merged$`));
    assert.equal(existsSync(`${await root()}/mark`), false);
  });

  it("`pause()` freezes and `unpause()` thaws", async () => {
    const { Id } = await bench.create(["sleep", "1000"]);
    await bench.containers.start(Id);
    await bench.containers.pause(Id);
    assert.equal((await status(bench, Id)).Status, "paused");
    await assert.rejects(bench.containers.execCreate(Id, { Cmd: ["true"] }), message(/is paused/, "conflict"));
    await bench.containers.unpause(Id);
    assert.equal((await status(bench, Id)).Status, "running");
    await bench.containers.pause(Id);
    await bench.containers.remove(Id, { force: true, volumes: false, link: false });
  });

  it("`execStart()` runs with and without a terminal, as another user, with its exit code", async () => {
    const { Id } = await bench.create(["sleep", "1000"], { Env: ["A=1"] });
    await bench.containers.start(Id);
    const exec = async (config: object, input?: string) => {
      const created = await bench.containers.execCreate(Id, { AttachStdout: true, AttachStderr: true, ...config });
      const session = (await bench.containers.execStart(created.Id, { detach: false, tty: false }))!;
      const output = collect(session.output);
      if (input !== undefined) {
        await session.write(Buffer.from(input));
        await session.closeInput();
      }
      const result = await output;
      return { ...result, code: (await bench.containers.execInspect(created.Id)).ExitCode };
    };
    assert.deepEqual(
      await exec({ Cmd: ["sh", "-c", "echo $A $B; pwd; id -u; echo e >&2; exit 5"], Env: ["B=2"], WorkingDir: "/tmp", User: "bob" }),
      {
        stdout: "1 2\n/tmp\n1000\n",
        stderr: "e\n",
        code: 5,
      },
    );
    assert.deepEqual(await exec({ Cmd: ["wc", "-c"], AttachStdin: true }, "x".repeat(100_000)), {
      stdout: "100000\n",
      stderr: "",
      code: 0,
    });
    assert.match((await exec({ Cmd: ["tty"], Tty: true, AttachStdin: true })).stdout, /^\/dev\/pts\/\d\r\n$/);
    const missing = await exec({ Cmd: ["nosuch"] });
    assert.match(missing.stdout, /^OCI runtime exec failed: .*"nosuch": executable file not found/);
    assert.equal(missing.code, 127);
    assert.match((await exec({ Cmd: ["grep", "CapEff", "/proc/self/status"], Privileged: true })).stdout, /CapEff:\t(?!00000000a80425fb)/);
    const detached = await bench.containers.execCreate(Id, { Cmd: ["sh", "-c", "sleep 0.2; exit 4"] });
    assert.equal(await bench.containers.execStart(detached.Id, { detach: true, tty: false }), undefined);
    assert.equal((await bench.containers.execInspect(detached.Id)).Running, true);
    await until(async () => (await bench.containers.execInspect(detached.Id)).ExitCode === 4);
    await assert.rejects(bench.containers.execInspect("nosuch"), message(/^No such exec instance: nosuch$/, "notFound"));
    await bench.containers.remove(Id, { force: true, volumes: false, link: false });
    await assert.rejects(bench.containers.execInspect(detached.Id), message(/No such exec instance/));
  });

  it("keeps names unique, renames, and refuses to remove what runs", async () => {
    const { Id } = await bench.create(["sleep", "1000"], {}, "one");
    await assert.rejects(
      bench.create(["true"], {}, "one"),
      message(
        new RegExp(`^Conflict\\. The container name "/one" is already in use by container "${Id}"\\. You have to remove \\(or rename\\)`),
        "conflict",
      ),
    );
    await assert.rejects(
      bench.create(["true"], {}, "a b"),
      message(/^Invalid container name \(a b\), only \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\] are allowed$/, "invalidParameter"),
    );
    await bench.containers.start("one");
    await bench.containers.rename("one", "two");
    assert.equal(bench.containers.resolve("/two"), Id);
    assert.equal(bench.containers.resolve(Id.slice(0, 8)), Id);
    assert.throws(() => bench.containers.resolve("one"), message(/^No such container: one$/, "notFound"));
    await assert.rejects(
      bench.containers.remove("two", { force: false, volumes: false, link: false }),
      message(/^cannot remove container "\/two": container is running: stop the container before removing or force remove$/, "conflict"),
    );
    const removed = bench.containers.wait("two", "removed").result;
    await bench.containers.remove("two", { force: true, volumes: false, link: false });
    assert.equal((await removed).StatusCode, 137);
  });

  it("restarts by policy, counts, gives up, and stops when told", async () => {
    const failing = (
      await bench.create(["sh", "-c", "exit 1"], { HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } } })
    ).Id;
    await bench.containers.start(failing);
    await until(
      async () => (await bench.containers.inspect(failing)).RestartCount === 2 && (await status(bench, failing)).Status === "exited",
    );
    const always = (await bench.create(["sh", "-c", "sleep 0.05"], { HostConfig: { RestartPolicy: { Name: "always" } } })).Id;
    await bench.containers.start(always);
    await until(async () => ((await bench.containers.inspect(always)).RestartCount as number) >= 2);
    await bench.containers.stop(always, { timeout: 1 });
    const state = await status(bench, always);
    assert.deepEqual([state.Running, state.Restarting], [false, false]);
    await bench.containers.restart(always, {});
    assert.equal((await status(bench, always)).Running, true);
    await bench.containers.remove(always, { force: true, volumes: false, link: false });
  });

  it("removes by itself after --rm, also when the start fails", async () => {
    const { Id } = await bench.create(["true"], { HostConfig: { AutoRemove: true } });
    const removed = bench.containers.wait(Id, "removed").result;
    await bench.containers.start(Id);
    assert.deepEqual(await removed, { StatusCode: 0 });
    const failing = (await bench.create(["nosuch"], { HostConfig: { AutoRemove: true } })).Id;
    await assert.rejects(bench.containers.start(failing));
    assert.throws(() => bench.containers.resolve(failing));
  });

  it("joins another container's network, and says why when it cannot", async () => {
    const donor = (await bench.create(["sleep", "1000"], {}, "donor")).Id;
    const joiner = await bench.create(["readlink", "/proc/self/ns/net"], { HostConfig: { NetworkMode: "container:donor" } });
    await assert.rejects(
      bench.containers.start(joiner.Id),
      message(/^cannot join network namespace of a non running container: container donor is created$/, "conflict"),
    );
    const lost = await bench.create(["true"], { HostConfig: { NetworkMode: "container:nosuch" } });
    await assert.rejects(
      bench.containers.start(lost.Id),
      message(/^joining network namespace of container: No such container: nosuch$/, "internal"),
    );
    await bench.containers.start(donor);
    const session = await bench.containers.attach(joiner.Id, { stdin: false, stdout: true, stderr: true, logs: false, stream: true });
    await bench.containers.start(joiner.Id);
    const pid = (await status(bench, donor)).Pid as number;
    const { readlinkSync } = await import("node:fs");
    assert.equal((await collect(session.output)).stdout.trim(), readlinkSync(`/proc/${pid}/ns/net`));
    await bench.containers.remove(donor, { force: true, volumes: false, link: false });
  });

  it("`--init` runs a static init, host modes share what they name", async () => {
    const init = await bench
      .run(["sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '"], { HostConfig: { Init: true } })
      .catch((error: Error) => error);
    if (init instanceof Error) assert.match(init.message, /^Cannot use --init/);
    else assert.match(init.stdout, /^\/sbin\/docker-init -- sh -c/);
    const host = await bench.run(["sh", "-c", "for n in net uts pid ipc; do readlink /proc/self/ns/$n; done"], {
      HostConfig: { NetworkMode: "host", UTSMode: "host", PidMode: "host", IpcMode: "host" },
    });
    const { readlinkSync } = await import("node:fs");
    assert.equal(host.stdout, ["net", "uts", "pid", "ipc"].map((name) => `${readlinkSync(`/proc/self/ns/${name}`)}\n`).join(""));
  });

  it("leaves containers running when the daemon dies, and finds them again", async () => {
    const { Id } = await bench.create(["sh", "-c", "read x; echo got $x; exit 6"], { OpenStdin: true }, "survivor");
    const ended = (await bench.create(["sh", "-c", "sleep 0.5; exit 8"], {}, "ended")).Id;
    await bench.containers.start(Id);
    await bench.containers.start(ended);
    const before = (await status(bench, Id)).Pid;
    const exits = `${bench.root}/exec/exits/${ended}`;
    await bench.containers.close();
    await until(() => existsSync(exits));
    await bench.restart();
    assert.deepEqual([(await status(bench, Id)).Pid, (await status(bench, Id)).Status], [before, "running"]);
    assert.equal((await status(bench, ended)).ExitCode, 8);
    const session = await bench.containers.attach("survivor", { stdin: true, stdout: true, stderr: true, logs: false, stream: true });
    const output = collect(session.output);
    await session.write(Buffer.from("mail\n"));
    assert.equal((await output).stdout, "got mail\n");
    await until(async () => (await status(bench, Id)).ExitCode === 6);
    assert.match(readFileSync((await bench.containers.inspect(Id)).LogPath as string, "utf8"), /stdout F got mail\n$/);
  });

  it("runs health checks and tells when they change", async () => {
    const statuses: string[] = [];
    const stop = bench.containers.onEvent(({ action }) => action.startsWith("health_status") && statuses.push(action));
    const Healthcheck = { Test: ["CMD-SHELL", "test -e /ok && echo fine"], Interval: 50_000_000, Retries: 2 };
    const { Id } = await bench.create(["sh", "-c", "trap 'rm /ok' USR1; touch /ok; while :; do sleep 0.1; done"], { Healthcheck });
    await bench.containers.start(Id);
    assert.equal(((await status(bench, Id)).Health as { Status: string }).Status, "starting");
    await until(() => statuses.includes("health_status: healthy"));
    await bench.containers.kill(Id, "USR1");
    await until(() => statuses.includes("health_status: unhealthy"));
    stop();
    assert.deepEqual(statuses, ["health_status: healthy", "health_status: unhealthy"]);
    const [row] = await bench.containers.list({ all: false, filters: { health: ["unhealthy"] } });
    assert.match(row!.Status as string, /^Up .* \(unhealthy\)$/);
    await bench.containers.remove(Id, { force: true, volumes: false, link: false });
  });

  it("takes back a create that died half way", async () => {
    const { Id } = await bench.create(["true"], {}, "half");
    const record = (await bench.store.get<{ removing: boolean }>(`container/${Id}`))!.value;
    await bench.store.commit([{ op: "put", key: `container/${Id}`, value: { ...record, removing: true } }]);
    await bench.restart();
    assert.throws(() => bench.containers.resolve("half"), message(/No such container/));
    assert.ok(!bench.engine.specs.has(Id));
  });

  it("`list()` filters", async () => {
    const { Id } = await bench.create(["sleep", "1000"], { Labels: { k: "v" } }, "listed");
    const names = async (filters: Record<string, string[]>, all = true) =>
      (await bench.containers.list({ all, filters })).map((row) => (row.Names as string[])[0]);
    assert.deepEqual(await names({ name: ["^/listed$"] }), ["/listed"]);
    assert.deepEqual(await names({ label: ["k=v"] }), ["/listed"]);
    assert.deepEqual(await names({ label: ["k=w"] }), []);
    assert.deepEqual(await names({ id: [Id.slice(0, 5)] }), ["/listed"]);
    assert.deepEqual(await names({ name: ["listed"] }, false), []);
    assert.deepEqual(await names({ name: ["listed"], status: ["created"] }, false), ["/listed"]);
    assert.ok((await names({ exited: ["3"] })).length > 0);
    assert.equal((await names({ ancestor: ["busybox"] })).length, bench.containers.counts().total);
    await assert.rejects(names({ status: ["nonsense"] }), message(/^invalid filter 'status=nonsense'$/, "invalidParameter"));
    await assert.rejects(names({ nonsense: ["x"] }), message(/^invalid filter 'nonsense'$/, "invalidParameter"));
  });
});

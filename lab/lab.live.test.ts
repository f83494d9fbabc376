import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Lab } from "./lab.ts";
import { hostEnd, pingMatrix } from "./matrix.ts";
import { leaked } from "./state.ts";

test("`Lab.create()` joins hosts by a switch and leaves nothing when it is disposed of", async () => {
  const machineLinks = readdirSync("/sys/class/net");
  let directory = "";
  const pids: number[] = [];
  {
    using lab = await Lab.create({ hosts: ["h1", "h2"], outside: true });
    directory = lab.directory;
    const ends = [hostEnd(lab.host("h1"), "192.168.56.11"), hostEnd(lab.host("h2"), "192.168.56.12"), hostEnd(lab.outside, "192.168.56.1")];
    pids.push(lab.host("h1").pid, lab.host("h2").pid, lab.outside.pid);
    const expected = `
              h1  h2  outside
      h1      -   ok  ok
      h2      ok  -   ok
      outside ok  ok  -`;
    const matrix = await pingMatrix(ends, { expected });
    assert.deepEqual(matrix.differences(expected), [], matrix.render());
    assert.equal(await lab.host("h1").sh("hostname"), "h1");
    assert.deepEqual(readdirSync("/sys/class/net"), machineLinks, "the machine has the links it had");

    await lab.setCable("h2", false);
    const cut = await pingMatrix(ends.slice(0, 2));
    assert.equal(cut.symbol("h1", "h2"), "X");
  }
  assert.equal(existsSync(directory), false);
  assert.deepEqual(
    pids.filter((pid) => existsSync(`/proc/${pid}/ns/net`)),
    [],
  );
  const name = directory.split("/").at(-1) ?? "";
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(name), false);
  assert.deepEqual(
    readdirSync("/sys/fs/cgroup").filter((each) => existsSync(`/sys/fs/cgroup/${each}/${name}`)),
    [],
  );
});

test("`Lab.addHost()` makes a router between two switches when it has a leg in each", async () => {
  using lab = await Lab.create();
  await lab.addSwitch("far");
  await lab.addHost("r", {
    nics: [
      { switch: "lan", address: "10.1.0.1/24" },
      { switch: "far", address: "10.2.0.1/24" },
    ],
    router: true,
  });
  const near = await lab.addHost("a", { nics: [{ switch: "lan", address: "10.1.0.2/24" }], gateway: "10.1.0.1" });
  const far = await lab.addHost("b", { nics: [{ switch: "far", address: "10.2.0.2/24" }], gateway: "10.2.0.1" });
  const matrix = await pingMatrix([hostEnd(near, "10.1.0.2"), hostEnd(far, "10.2.0.2")], { expected: "  a b\na - ok\nb ok -" });
  assert.equal(matrix.symbol("a", "b"), "ok", matrix.render());
  assert.match(await near.sh("ping -c 1 -t 1 10.2.0.2 || true"), /Time to live exceeded/);
});

test("`Lab.create()` sweeps what is left of a lab when its process was killed", async () => {
  const script = `import { Lab } from "#lab"; const lab = await Lab.create({ hosts: ["h1"] }); console.log(lab.directory); setInterval(() => {}, 1e9);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: `${import.meta.dirname}/..`,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = await once(child.stdout, "data");
  const directory = String(chunk).trim();
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(existsSync(directory));
  await setTimeout(200);
  using lab = await Lab.create();
  assert.ok(existsSync(lab.directory));
  assert.equal(existsSync(directory), false);
  const name = directory.split("/").at(-1) ?? "";
  const left = readdirSync("/sys/fs/cgroup").filter((each) => existsSync(`/sys/fs/cgroup/${each}/${name}`));
  assert.deepEqual(left, []);
});

test("`leaked()` names what a host has more when links, namespaces and processes were added", async () => {
  using lab = await Lab.create({ hosts: ["h1"] });
  const host = lab.host("h1");
  const before = await host.state();
  assert.deepEqual(leaked(before, await host.state()), []);
  await host.sh(
    "ip link add name extra type bridge; nft add table inet extra; mount -t tmpfs x /mnt; mkdir /sys/fs/cgroup/*/extra 2>/dev/null || mkdir /sys/fs/cgroup/extra",
  );
  const stray = host.spawn("unshare -n sleep 1000");
  await setTimeout(300);
  const kinds = new Set(leaked(before, await host.state()).map((line) => line.split(":")[0]));
  assert.deepEqual([...kinds].sort(), ["cgroups", "firewall", "links", "mounts", "namespaces", "processes"]);
  stray.kill("SIGKILL");
});

test("`Host.terminal` and `spawn` give commands a terminal, and a pipe, when they are asked", async () => {
  using lab = await Lab.create({ hosts: ["h1"] });
  const host = lab.host("h1");
  assert.equal((await host.exec("test -t 0", { allowFailure: true })).code, 1);
  await assert.rejects(host.exec("echo no >&2; exit 3"), /ended with 3: \[h1\] echo no >&2; exit 3\nno/);
  assert.equal(await host.sh("cat", { input: "typed" }), "typed");
  const stuck = host.exec("echo begun; sleep 1000", { timeout: 300 });
  await assert.rejects(stuck, /did not end in time: \[h1\] echo begun; sleep 1000\nbegun/);
  const cat = host.spawn("cat");
  await cat.answer("hello", /^hello$/m);
  cat.closeInput();
  assert.equal(await cat.ended, 0);
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";

interface World {
  /** Debian packages that are installed; undefined: all that are asked about. */
  installed?: readonly string[];
  uid?: number;
  /** Exit status of `apt-get install`. */
  apt?: number;
}

/** Runs setup.sh with a dpkg-query, apt-get, apt-cache and id that only pretend. */
function setup(world: World, ...args: string[]) {
  const directory = mkdtempSync(`${tmpdir()}/fairway-setup-`);
  const fake = (name: string, script: string) => {
    writeFileSync(`${directory}/${name}`, `#!/bin/sh\n${script}\n`);
    chmodSync(`${directory}/${name}`, 0o755);
  };
  const all = 'shift 3; for package in "$@"; do echo "$package installed"; done';
  fake("dpkg-query", world.installed ? `printf '%s installed\\n' ${world.installed.join(" ")}` : all);
  fake(
    "apt-get",
    `echo "$*" >>${directory}/apt.log; ls ${directory}/policy >>${directory}/apt.log; case "$*" in install*) exit ${world.apt ?? 0} ;; esac`,
  );
  fake("apt-cache", "exit 0");
  fake("systemctl", `echo "systemctl $*" >>${directory}/apt.log`);
  fake("docker", "echo Docker version 28.2.2, build e6534b4");
  fake("id", `echo ${world.uid ?? 0}`);
  try {
    // Without /usr/sbin, where a dockerd of this machine's would be found.
    const environment = { ...process.env, PATH: `${directory}:/usr/bin:/bin`, FAIRWAY_POLICY_RC_D: `${directory}/policy` };
    const result = spawnSync("sh", [`${import.meta.dirname}/setup.sh`, ...args], { encoding: "utf8", env: environment });
    const log = spawnSync("cat", [`${directory}/apt.log`], { encoding: "utf8" }).stdout;
    assert.equal(existsSync(`${directory}/policy`), false, "the guard is taken away again");
    return { code: result.status, output: `${result.stdout}${result.stderr}`, apt: log };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("setup.sh asks apt for nothing when everything is installed", () => {
  const { code, output, apt } = setup({});
  assert.deepEqual([code, apt], [0, ""]);
  assert.match(output, /everything for runtime test is there/);
  assert.equal(setup({}, "--quiet").output, "");
});

test("setup.sh installs what is missing, without recommended packages, and says so", () => {
  const installed = "conmon runc tini libnftables1 nftables iproute2 golang-github-containers-common libatomic1 xz-utils tar".split(" ");
  const { code, output, apt } = setup({ installed }, "runtime");
  assert.equal(code, 0);
  assert.match(output, /Debian packages to install: crun$/m);
  assert.match(apt, /^install .*--no-install-recommends .* crun\n\S+\/policy$/m, "while services are kept from starting");
});

test("setup.sh keeps the dockerd that it installs from starting at the next boot", () => {
  const { output, apt } = setup({ installed: ["dnsperf"] }, "bench");
  assert.match(output, /installed docker\.io\n.*dockerd is installed, and stays off/);
  assert.match(apt, /^install .* docker\.io\n[\s\S]*^systemctl disable docker\.service docker\.socket/m);
});

test("setup.sh says what to do when it is not root or packages cannot be had", () => {
  const plain = setup({ installed: ["tar"], uid: 1000 }, "runtime");
  assert.deepEqual([plain.code, plain.apt], [1, ""]);
  assert.match(plain.output, /needs root\. Run: +sudo apt-get install --no-install-recommends conmon/);
  const offline = setup({ installed: ["tar"], apt: 100 }, "runtime");
  assert.equal(offline.code, 1);
  assert.match(offline.output, /refreshing the package lists[\s\S]*Without a network/);
  assert.match(offline.apt, /^update /m);
  assert.equal(setup({}, "nonsense").code, 2);
});

test("setup.sh names no registry host", () => {
  const text = ["setup.sh", "packages.sh"].map((file) => readFileSync(`${import.meta.dirname}/${file}`, "utf8")).join("");
  assert.doesNotMatch(text, /https?:/);
});

test("docker-cli.sh leaves a recent docker CLI alone, and says what to do about an old one that it cannot replace", () => {
  const directory = mkdtempSync(`${tmpdir()}/fairway-cli-`);
  const fake = (name: string, script: string) => writeFileSync(`${directory}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const run = (docker: string, mirror: string) => {
    fake("docker", `echo '${docker}'`);
    fake("apt-get", `case "$*" in *indextargets*) echo '${mirror}' ;; *) echo "E: no network"; exit 100 ;; esac`);
    const env = { ...process.env, PATH: `${directory}:${process.env.PATH}` };
    const { status, stdout, stderr } = spawnSync("sh", [`${import.meta.dirname}/docker-cli.sh`, `${directory}/cli`], {
      encoding: "utf8",
      env,
    });
    return { status, output: `${stdout}${stderr}` };
  };
  try {
    assert.deepEqual(run("Docker version 28.2.2, build e6534b4", ""), { status: 0, output: "" });
    assert.deepEqual(run("Docker version 30.0.0+dfsg1, build 1", ""), { status: 0, output: "" });
    const old = run("Docker version 20.10.24+dfsg1, build 297e128", "Debian mirror/debian");
    assert.equal(old.status, 1);
    assert.match(old.output, /older than 28: unpacking[\s\S]*E: no network\n[\s\S]*Put a docker CLI of version 28 or later on the PATH/);
    assert.match(run("", "").output, /apt knows no Debian mirror/);
    assert.equal(existsSync(`${directory}/cli`), false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, describe, it } from "node:test";
import { DEFAULT_CAPABILITIES, effectiveCapabilities } from "./caps.ts";
import { DetachScanner, parseDetachKeys } from "./detach-keys.ts";
import { Mutex } from "./mutex.ts";
import { checkName, randomName } from "./names.ts";
import { tmpfsOptions } from "./oci-mounts.ts";
import { mountsUnder } from "./overlay.ts";
import { nowText } from "./record.ts";
import { nextDelay, shouldRestart } from "./restart-policy.ts";
import { resolveInRoot } from "./rootpath.ts";
import { runtimeMessage } from "./runtime.ts";
import { seccompFor } from "./seccomp.ts";
import { signalNumber } from "./signals.ts";
import { humanDuration } from "./status-text.ts";
import { parsePs } from "./top.ts";
import { lookupUser } from "./user.ts";

describe("capabilities", () => {
  it("`effectiveCapabilities()` adds and drops by name, with or without CAP_", () => {
    assert.deepEqual(effectiveCapabilities({}), DEFAULT_CAPABILITIES);
    assert.deepEqual(effectiveCapabilities({ drop: ["ALL"], add: ["net_admin", "CAP_KILL"] }), ["CAP_NET_ADMIN", "CAP_KILL"]);
    assert.equal(effectiveCapabilities({ add: ["ALL"], drop: ["CHOWN"] }).length, 40);
    assert.ok(!effectiveCapabilities({ drop: ["CHOWN"] }).includes("CAP_CHOWN"));
  });
  it("`effectiveCapabilities()` throws for a name that is none", () =>
    assert.throws(() => effectiveCapabilities({ add: ["FLY"] }), /invalid CapAdd: unknown capability: "CAP_FLY"/));
});

describe("detach keys", () => {
  const scan = (keys: string, ...inputs: string[]) => {
    const scanner = new DetachScanner(parseDetachKeys(keys));
    return inputs.map((text) => {
      const { pass, detach } = scanner.scan(Buffer.from(text));
      return Buffer.from(pass).toString() + (detach ? "!" : "");
    });
  };
  it("`DetachScanner` finds a sequence over several reads and passes what was none", () => {
    assert.deepEqual(scan("", "ab\x10", "\x11"), ["ab", "!"]);
    assert.deepEqual(scan("", "\x10x", "\x10\x10\x11"), ["\x10x", "\x10!"]);
    assert.deepEqual(scan("a,b", "aab"), ["a!"]);
    assert.deepEqual(scan("ctrl-@,ctrl-[", "\x00\x1b"), ["!"]);
  });
  it("`parseDetachKeys()` throws for keys there are not", () =>
    assert.throws(() => parseDetachKeys("ctrl-1"), /Invalid detach keys \(ctrl-1\) provided/));
});

describe("names and signals", () => {
  it("`checkName()` takes Docker's slash off and refuses what Docker refuses", () => {
    assert.equal(checkName("/web-1"), "web-1");
    for (const bad of ["", "a", "-a", "a b", "ä1", "a/b"]) assert.throws(() => checkName(bad), /Invalid container name/);
  });
  it("`randomName()` ends although all plain names are taken", () =>
    assert.match(
      randomName((name) => !/\d/.test(name)),
      /^[a-z]+_[a-z]+\d+$/,
    ));
  it("`signalNumber()` reads names, numbers and realtime signals", () => {
    assert.deepEqual(["KILL", "sigterm", "9", "SIGRTMIN+3", "RTMAX-1"].map(signalNumber), [9, 15, 9, 37, 63]);
    for (const bad of ["", "0", "65", "NONE", "RTMIN+99"]) assert.throws(() => signalNumber(bad), /Invalid signal/);
  });
});

describe("users", () => {
  const files = { passwd: "root:x:0:0::/root:/bin/sh\nbob:x:7:8::/home/bob:/bin/sh\n", group: "root:x:0:\nadm:x:4:bob\nbob:x:8:\n" };
  it("`lookupUser()` finds names and numbers, with groups", () => {
    assert.deepEqual(lookupUser(files, ""), { uid: 0, gid: 0, additionalGids: [0], home: "/root" });
    assert.deepEqual(lookupUser(files, "bob"), { uid: 7, gid: 8, additionalGids: [8, 4], home: "/home/bob" });
    assert.deepEqual(lookupUser(files, "bob:adm"), { uid: 7, gid: 4, additionalGids: [4], home: "/home/bob" });
    assert.deepEqual(lookupUser(files, "99:98", ["adm"]), { uid: 99, gid: 98, additionalGids: [98, 4], home: "/" });
    assert.equal(lookupUser({ passwd: "", group: "" }, "").uid, 0);
  });
  it("`lookupUser()` throws for names the image lacks", () => {
    assert.throws(() => lookupUser(files, "eve"), /unable to find user eve: no matching entries in passwd file/);
    assert.throws(() => lookupUser(files, "bob:eve"), /unable to find group eve: no matching entries in group file/);
    assert.throws(() => lookupUser(files, "4294967296"), /uids and gids must be in range/);
  });
});

describe("seccomp", () => {
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
    syscalls: [
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
      { names: ["mount"], action: "SCMP_ACT_ALLOW", includes: { caps: ["CAP_SYS_ADMIN"] } },
      { names: ["mount"], action: "SCMP_ACT_ERRNO", errnoRet: 1, excludes: { caps: ["CAP_SYS_ADMIN"] } },
      { names: ["arm_only"], action: "SCMP_ACT_ALLOW", includes: { arches: ["arm64"] } },
      { names: ["ptrace"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "4.8" } },
    ],
  };
  const names = (capabilities: string[], kernel = "6.1.0-13-amd64") =>
    seccompFor(profile, { arch: "amd64", kernel, capabilities }).syscalls.map(({ names: [name], action }) => `${name} ${action.slice(9)}`);
  it("`seccompFor()` keeps the rules that hold for capabilities, architecture and kernel", () => {
    assert.deepEqual(names([]), ["read ALLOW", "mount ERRNO", "ptrace ALLOW"]);
    assert.deepEqual(names(["CAP_SYS_ADMIN"], "4.4"), ["read ALLOW", "mount ALLOW"]);
    assert.deepEqual(seccompFor(profile, { arch: "amd64", kernel: "6", capabilities: [] }).architectures, [
      "SCMP_ARCH_X86_64",
      "SCMP_ARCH_X86",
    ]);
  });
});

describe("paths", () => {
  const root = mkdtempSync(`${tmpdir()}/fairway-root-`);
  after(() => rmSync(root, { recursive: true }));
  it("`resolveInRoot()` follows links inside the root and never leaves it", () => {
    mkdirSync(`${root}/a/b`, { recursive: true });
    writeFileSync(`${root}/a/file`, "");
    symlinkSync("/a", `${root}/absolute`);
    symlinkSync("../../../../etc", `${root}/a/up`);
    symlinkSync("loop", `${root}/loop`);
    assert.equal(resolveInRoot(root, "/absolute/file"), `${root}/a/file`);
    assert.equal(resolveInRoot(root, "/a/up/passwd"), `${root}/etc/passwd`);
    assert.equal(resolveInRoot(root, "/../../x"), `${root}/x`);
    assert.throws(() => resolveInRoot(root, "/loop"), /too many levels of symbolic links/);
  });
  it("`mountsUnder()` reads mountinfo, deepest first, escapes undone", () =>
    assert.deepEqual(
      mountsUnder("/r", "1 0 0:1 / /r/a\\040b rw - x x rw\n2 1 0:2 / /r/a\\040b/c rw - x x rw\n3 0 0:3 / /rr rw - x x rw\n"),
      ["/r/a b/c", "/r/a b"],
    ));
});

describe("restart policy", () => {
  const facts = { exitCode: 1, restartCount: 0, stoppedByUser: false };
  it("`shouldRestart()` knows Docker's four policies", () => {
    const ask = (Name: string, change: object = {}, MaximumRetryCount = 0) =>
      shouldRestart({ Name, MaximumRetryCount }, { ...facts, ...change });
    assert.deepEqual([ask("no"), ask("always"), ask("unless-stopped"), ask("on-failure")], [false, true, true, true]);
    assert.deepEqual([ask("always", { stoppedByUser: true }), ask("always", { stoppedByUser: true, daemonStart: true })], [false, true]);
    assert.equal(ask("unless-stopped", { stoppedByUser: true, daemonStart: true }), false);
    assert.deepEqual(
      [ask("on-failure", { exitCode: 0 }), ask("on-failure", { restartCount: 2 }, 2), ask("on-failure", { restartCount: 1 }, 2)],
      [false, false, true],
    );
  });
  it("`nextDelay()` doubles to a minute and forgets after a good run", () =>
    assert.deepEqual([nextDelay(0, 0), nextDelay(100, 0), nextDelay(60_000, 0), nextDelay(6400, 20_000)], [100, 200, 60_000, 100]));
});

describe("texts", () => {
  it("`humanDuration()` speaks as docker ps does", () =>
    assert.deepEqual([0.5, 1, 59, 60, 119, 120, 3600, 7200, 172_800, 1_209_600, 5_184_000, 63_072_000].map(humanDuration), [
      "Less than a second",
      "1 second",
      "59 seconds",
      "About a minute",
      "About a minute",
      "2 minutes",
      "About an hour",
      "2 hours",
      "2 days",
      "2 weeks",
      "2 months",
      "2 years",
    ]));
  it("`nowText()` cuts trailing zeros as RFC3339Nano does", () => {
    assert.equal(nowText(1_795_247_219_334_305_796n), "2026-11-21T07:46:59.334305796Z");
    assert.equal(nowText(1_795_247_219_500_000_000n), "2026-11-21T07:46:59.5Z");
    assert.equal(nowText(1_795_247_219_000_000_000n), "2026-11-21T07:46:59Z");
  });
  it("`runtimeMessage()` finds the error in JSON, logfmt and plain text", () => {
    assert.equal(runtimeMessage('{"level":"error","msg":"no such \\"x\\"","time":"t"}\n'), 'no such "x"');
    assert.equal(runtimeMessage('time="t" level=error msg="exec: \\"x\\" missing"\n'), 'exec: "x" missing');
    assert.equal(runtimeMessage("plain words\n"), "plain words");
  });
  it("`tmpfsOptions()` lets a later option win over its opposite", () => {
    assert.deepEqual(tmpfsOptions(""), ["noexec", "nosuid", "nodev"]);
    assert.deepEqual(tmpfsOptions("exec,size=1m,size=2m"), ["nosuid", "nodev", "exec", "size=2m"]);
  });
  it("`parsePs()` keeps the container's rows and the last column's spaces", () => {
    const text = "UID PID CMD\nroot 1 init\nroot 22 sh -c x y\n";
    assert.deepEqual(parsePs(text, new Set(["22"])), { Titles: ["UID", "PID", "CMD"], Processes: [["root", "22", "sh -c x y"]] });
    assert.throws(() => parsePs("A B\n1 2\n", new Set()), /Couldn't find PID field/);
  });
});

describe("Mutex", () => {
  it("`run()` keeps the order and goes on after a failure", async () => {
    const mutex = new Mutex();
    const seen: number[] = [];
    const failing = mutex.run(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.push(1);
      throw new Error("x");
    });
    const next = mutex.run(async () => seen.push(2));
    await assert.rejects(failing);
    await next;
    assert.deepEqual(seen, [1, 2]);
  });
});

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { COMMANDS } from "./commands.ts";
import { clientOptions } from "./options.ts";
import { runCli } from "./run.ts";

async function fairway(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const [out, err]: string[][] = [[], []];
  const checkHost = async () => [{ name: "kernel", status: "fail", finding: "It is old.", wayOut: "apt-get install a-kernel" } as const];
  const code = await runCli({
    argv,
    environment,
    version: "1.2.3",
    checkHost,
    print: (line) => out!.push(line),
    complain: (line) => err!.push(line),
  });
  return { code, out: out!.join("\n"), err: err!.join("\n") };
}

const NOWHERE = "unix:///nonexistent/fairway.sock";

describe("runCli()", () => {
  test("`runCli()` prints help for every command and none, with status 0", async () => {
    assert.equal((await fairway(["--help"])).code, 0);
    for (const { words, summary } of COMMANDS) {
      const { code, out } = await fairway([...words, "--help"]);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`^Usage: {2}fairway ${words.join(" ")}`));
      assert.ok(out.includes(summary));
      assert.match(out, /--json/);
    }
  });

  test("`runCli()` exits with 2 and says what is wrong when the command line is", async () => {
    const wrong: [string[], RegExp][] = [
      [["frobnicate"], /"frobnicate" is not a command/],
      [["drift", "now"], /takes no arguments/],
      [["drift", "--mend"], /Unknown option '--mend'/],
      [["doctor", "-H"], /argument missing|requires a value|-H/],
      [["drift", "-H", "ssh://host"], /Cannot use "ssh:\/\/host" as a host/],
    ];
    for (const [argv, message] of wrong) {
      const { code, err, out } = await fairway(argv);
      assert.equal(code, 2, argv.join(" "));
      assert.match(err, message);
      assert.equal(out, "");
    }
    const empty = await fairway([]);
    assert.equal(empty.code, 2);
    assert.match(empty.err, /^Usage:/);
  });

  test("`runCli()` says that no daemon runs, where, and exits with 1", async () => {
    const { code, err } = await fairway(["drift"], { DOCKER_HOST: NOWHERE });
    assert.equal(code, 1);
    assert.match(err, /^fairway: Cannot connect to the Fairway daemon at unix:\/\/\/nonexistent\/fairway\.sock: .*Is fairwayd running\?$/);
    const json = await fairway(["drift", "--json", "-H", NOWHERE]);
    assert.equal((JSON.parse(json.err) as { error: { code: string } }).error.code, "no-daemon");
  });

  test("`fairway doctor` examines the host by itself when no daemon runs", async () => {
    const { code, out } = await fairway(["doctor", "--host", NOWHERE]);
    assert.equal(code, 1);
    assert.match(out, /^WARN {2}daemon: Cannot connect/);
    assert.match(out, /^FAIL {2}kernel: It is old\.\n {6}→ apt-get install a-kernel$/m);
    const json = JSON.parse((await fairway(["doctor", "--json", "-H", NOWHERE])).out) as { daemon: boolean; checks: unknown[] };
    assert.deepEqual([json.daemon, json.checks.length], [false, 2]);
  });

  test("`fairway version` shows its own version when no daemon runs", async () => {
    const { code, out } = await fairway(["version", "-H", NOWHERE]);
    assert.equal(code, 1);
    assert.match(out, /^Client:\n Version: +1\.2\.3$/m);
    assert.equal((await fairway(["--version"])).out, "Fairway version 1.2.3");
  });
});

describe("clientOptions()", () => {
  test("`clientOptions()` prefers the flag to DOCKER_HOST to the default", () => {
    assert.deepEqual(clientOptions(undefined, {}), { host: "unix:///run/fairway.sock" });
    assert.deepEqual(clientOptions(undefined, { DOCKER_HOST: "tcp://h:1" }), { host: "tcp://h:1" });
    assert.deepEqual(clientOptions("unix:///x", { DOCKER_HOST: "tcp://h:1", DOCKER_TLS_VERIFY: "1" }), { host: "unix:///x" });
    assert.throws(() => clientOptions(undefined, { DOCKER_HOST: "h:1" }), { code: "usage" });
    assert.throws(() => clientOptions("tcp://h:1", { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/nonexistent" }), /ENOENT/);
  });
});

test("`bin/fairway` runs from any directory and passes its status on", async () => {
  const program = new URL("../../bin/fairway", import.meta.url).pathname;
  const run = (argv: string[]) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      execFile(program, argv, { cwd: "/" }, (error, out) => resolve({ code: Number(error?.code ?? 0), out }));
    });
  const [help, wrong] = await Promise.all([run(["--help"]), run(["nonsense"])]);
  assert.deepEqual([help.code, wrong.code], [0, 2]);
  assert.match(help.out, /^Usage:/);
});

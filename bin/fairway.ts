import { readFileSync } from "node:fs";
import { runCli } from "#cli";

const version = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  environment: process.env,
  version,
  // Loaded only when it is asked for: the kernel's rooms take longer to load than a command to run.
  async checkHost() {
    const [{ examineHost }, { runProgram }] = await Promise.all([import("#doctor"), import("./run-program.ts")]);
    return examineHost({ run: runProgram, dataRoot: "/var/lib/fairway", execRoot: "/run/fairway" });
  },
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
});

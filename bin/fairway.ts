import { existsSync, readFileSync } from "node:fs";
import { runCli } from "#cli";

const version = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  environment: process.env,
  version,
  // Loaded only when it is asked for: the kernel's rooms take longer to load than a command to run.
  async checkHost() {
    if (process.getuid?.() !== 0) throw new Error("No daemon answers, and to examine the host without one needs root");
    const [{ examineHost }, { parseDaemonFlags }, { runProgram }] = await Promise.all([
      import("#doctor"),
      import("#server"),
      import("./run-program.ts"),
    ]);
    // Where a daemon of this host would keep its things, by its configuration file.
    const result = parseDaemonFlags([], (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined));
    if (result.kind !== "config") throw new Error("No configuration");
    return examineHost({ run: runProgram, dataRoot: result.config.dataRoot, execRoot: result.config.execRoot });
  },
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
});

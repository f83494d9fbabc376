import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { internal, invalid, type Log } from "#base";
import { startByFifo } from "./start-fifo.ts";

/** Where Debian keeps the runtimes although a daemon's PATH may lack it. */
const EXTRA_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export function findProgram(name: string): string | undefined {
  if (name.startsWith("/")) return existsSync(name) ? name : undefined;
  for (const directory of [...(process.env.PATH ?? "").split(":"), ...EXTRA_PATH]) {
    try {
      accessSync(`${directory}/${name}`, constants.X_OK);
      return `${directory}/${name}`;
    } catch {}
  }
  return undefined;
}

/** How this host has its cgroups: v2 alone, or v1 controllers, with or without a v2 hierarchy that has controllers too (hybrid). */
export function cgroupLayout(root = "/sys/fs/cgroup"): "v2" | "v1" | "hybrid" {
  if (existsSync(`${root}/cgroup.controllers`)) return "v2";
  try {
    return readFileSync(`${root}/unified/cgroup.controllers`, "utf8").trim() === "" ? "v1" : "hybrid";
  } catch {
    return "v1";
  }
}

/** crun is faster and smaller, but 1.8 refuses to run where the unified hierarchy beside v1 has controllers. @throws invalidParameter when neither is there */
export function chooseRuntime(wanted: string | undefined, layout = cgroupLayout()): { name: string; binary: string } {
  const candidates = wanted ? [wanted] : layout === "hybrid" ? ["runc", "crun"] : ["crun", "runc"];
  for (const name of candidates) {
    const binary = findProgram(name);
    if (binary) return { name: name.split("/").at(-1)!, binary };
  }
  throw invalid(`Cannot run containers: no OCI runtime found (looked for ${candidates.join(", ")}); install the package crun or runc`, {
    code: "no-runtime",
  });
}

/** The OCI runtime's command line, for what conmon does not do. */
export class Runtime {
  readonly name: string;
  readonly binary: string;
  readonly root: string;
  readonly #log: Log;

  constructor(options: { name: string; binary: string; root: string; log: Log }) {
    this.name = options.name;
    this.binary = options.binary;
    this.root = options.root;
    this.#log = options.log;
  }

  /** Arguments that come before the command, for conmon's --runtime-arg. */
  globalArguments(logPath: string): string[] {
    return ["--root", this.root, "--log-format", "json", "--log", logPath];
  }

  /** Lets a created container's process run. */
  async start(id: string): Promise<void> {
    // Seen in runc 1.0 to 1.3; crun has another protocol and starts quickly.
    if (this.name === "runc" && (await startByFifo(`${this.root}/${id}`))) return;
    await this.#run(["start", id]);
  }
  kill(id: string, signal: number): Promise<string> {
    return this.#run(["kill", id, String(signal)]);
  }
  pause(id: string): Promise<string> {
    return this.#run(["pause", id]);
  }
  resume(id: string): Promise<string> {
    return this.#run(["resume", id]);
  }
  /** Kills what is left and forgets the container; unknown to the runtime is no error. */
  async delete(id: string): Promise<void> {
    try {
      await this.#run(["delete", "--force", id]);
    } catch (error) {
      if (existsSync(`${this.root}/${id}`)) throw error;
    }
  }
  update(id: string, resources: unknown): Promise<string> {
    return this.#run(["update", "--resources", "-", id], JSON.stringify(resources));
  }

  #run(args: readonly string[], input?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(this.binary, ["--root", this.root, ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const message = runtimeMessage(stderr) || error.message;
        this.#log.debug("OCI runtime failed", { command: args.join(" "), message });
        reject(internal(message, { code: "runtime-failed", context: { command: args.join(" ") } }));
      });
      child.stdin?.on("error", () => {});
      child.stdin?.end(input);
    });
  }
}

/** The last error of a runtime's log: JSON lines, logfmt, or plain text. */
export function runtimeMessage(text: string): string {
  let message = "";
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (trimmed === "") continue;
    if (trimmed.startsWith("{")) {
      try {
        const entry = JSON.parse(trimmed) as { level?: string; msg?: string };
        if (entry.msg && entry.level !== "warning" && entry.level !== "info" && entry.level !== "debug") message = entry.msg;
        continue;
      } catch {}
    }
    const logfmt = /level=error msg=("(?:[^"\\]|\\.)*"|\S+)/.exec(trimmed);
    message = logfmt ? (logfmt[1]!.startsWith('"') ? (JSON.parse(logfmt[1]!) as string) : logfmt[1]!) : trimmed;
  }
  return message.trim();
}

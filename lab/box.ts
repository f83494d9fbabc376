import { readFileSync } from "node:fs";
import { type CommandOptions, type CommandResult, descendantsOf, LabProcess, runCommand } from "./process.ts";

export interface BoxOptions {
  readonly name: string;
  /** Shell commands run inside before it counts as up. */
  readonly setup?: string;
  /** `cgroup.procs` files to enter first. */
  readonly cgroups?: readonly string[];
}

const NAMESPACES = ["--net", "--mount", "--pid", "--uts", "--ipc", "--cgroup"] as const;

/** Waits without an event loop, so that it works while a process is exiting. */
const pause = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/**
 * A set of namespaces (network, mount, pid, UTS, IPC, cgroup) held by one process, the first of its pid namespace. When that process dies, the
 * kernel kills everything in it and takes every interface, mount and namespace with it; it dies with this process, however this one ends.
 */
export class Box {
  readonly name: string;
  /** Process id, as seen here, of the first process inside. */
  readonly pid: number;
  readonly #cgroups: readonly string[];

  private constructor(name: string, pid: number, cgroups: readonly string[]) {
    this.name = name;
    this.pid = pid;
    this.#cgroups = cgroups;
  }

  /** @throws with what the set-up commands printed */
  static async start(options: BoxOptions): Promise<Box> {
    const cgroups = options.cgroups ?? [];
    const enter = cgroups.map((file) => `echo $$ >${quote(file)}`).join("; ") || ":";
    // The first process reaps what is orphaned inside, as an init must.
    const inside = [
      "set -e",
      "mount -t sysfs sysfs /sys",
      options.setup ?? ":",
      `hostname ${quote(options.name)}`,
      "ip link set lo up",
      "echo up",
      "while :; do sleep 86400 & wait $!; done",
    ].join("\n");
    const unshare = ["unshare", ...NAMESPACES, "--fork", "--mount-proc", "--kill-child=KILL", "sh", "-c", inside];
    const holder = new LabProcess(["sh", "-c", `${enter}; exec "$@"`, "sh", ...unshare], { title: `lab host ${options.name}` });
    try {
      await holder.waitFor(/^up$/m);
    } catch (error) {
      holder.kill("SIGKILL");
      throw error;
    }
    return new Box(options.name, childOf(holder.pid), cgroups);
  }

  /** The command line that runs `argv` inside. */
  enter(argv: readonly string[]): string[] {
    // nsenter forks to enter the pid namespace: the second setpriv lets the command die with it.
    return ["nsenter", "-t", String(this.pid), ...NAMESPACES, "--", "setpriv", "--pdeathsig", "KILL", ...argv];
  }

  /** The same, and in the box's cgroups: for daemons. */
  enterWhole(argv: readonly string[]): string[] {
    const move = this.#cgroups.map((file) => `echo $$ >${quote(file.replace(/cgroup\.procs$/, ""))}cgroup.procs`).join("; ") || ":";
    return ["sh", "-c", `${move}; exec "$@"`, "sh", ...this.enter(argv)];
  }

  /** Runs a command inside to its end; a string is a shell's command line. @throws CommandError */
  exec(command: string | readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const argv = typeof command === "string" ? ["sh", "-c", command] : command;
    return runCommand(this.enter(argv), { ...options, title: `[${this.name}] ${typeof command === "string" ? command : argv.join(" ")}` });
  }

  /** Standard output of a command, without its last newline. @throws CommandError */
  async sh(command: string | readonly string[], options: CommandOptions = {}): Promise<string> {
    return (await this.exec(command, options)).stdout.trimEnd();
  }

  /** Runs a shell command in its network namespace alone, where process ids are still those of this side. @throws CommandError */
  async shNetworkOnly(command: string): Promise<void> {
    await runCommand(["nsenter", "-t", String(this.pid), "--net", "sh", "-ec", command], { title: `[${this.name}] ${command}` });
  }

  /** Starts a command inside and leaves it running. */
  spawn(command: string | readonly string[], options: { env?: Readonly<Record<string, string>> } = {}): LabProcess {
    const argv = typeof command === "string" ? ["sh", "-c", `exec ${command}`] : command;
    return new LabProcess(this.enter(argv), {
      ...options,
      title: `[${this.name}] ${typeof command === "string" ? command : argv.join(" ")}`,
    });
  }

  /** Starts a command that sees a terminal, as `docker run -it` wants. Output has the terminal's `\r\n`. */
  terminal(command: string, options: { env?: Readonly<Record<string, string>> } = {}): LabProcess {
    const argv = ["script", "-qefc", command, "/dev/null"];
    return new LabProcess(this.enter(argv), { env: { TERM: "xterm", ...options.env }, title: `[${this.name}] ${command}` });
  }

  /** Kills everything inside and waits until it is gone. Synchronous, so that it can run while this process exits. */
  destroy(): void {
    for (let waited = 0; waited < 5000; waited += 5) {
      try {
        process.kill(this.pid, "SIGKILL");
      } catch {
        return;
      }
      if (isZombie(this.pid)) return;
      pause(5);
    }
    throw new Error(`Lab host ${this.name} does not die (pid ${this.pid})`);
  }
}

/** Id of the only child of a process that forked once. */
export function childOf(pid: number): number {
  const [child] = descendantsOf(pid);
  if (child === undefined) throw new Error(`Process ${pid} has no child`);
  return child;
}

function isZombie(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

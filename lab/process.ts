import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface CommandResult {
  /** Exit status; 128 + n for a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Given to standard input, which is then closed. */
  input?: string | Uint8Array;
  env?: Readonly<Record<string, string>>;
  /** Milliseconds; the process is killed when they have passed. 60 000 unless given. */
  timeout?: number;
  /** Leave standard input open, as a terminal's is, while the command runs. */
  keepInputOpen?: boolean;
  /** Return a failure instead of throwing it. */
  allowFailure?: boolean;
}

/** What busybox' shell prints when it waits for a line on a terminal: it asks where the cursor is after the prompt. */
export const SHELL_PROMPT = /\/ # (\x1b\[6n)?$/;

/** A command of the lab that ended with a status other than 0, or late. */
export class CommandError extends Error {
  readonly result: CommandResult;
  constructor(command: string, result: CommandResult, late: boolean) {
    const how = late ? "did not end in time" : `ended with ${result.code}`;
    super(`Command ${how}: ${command}\n${result.stdout}${result.stderr}`.trimEnd());
    this.name = "CommandError";
    this.result = result;
  }
}

/** A process of the lab that is still running: what it has printed, and a way to talk to it. Dies with this process. */
export class LabProcess {
  readonly command: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  #stdout = "";
  #stderr = "";
  #code: number | undefined;

  constructor(argv: readonly string[], options: { env?: Readonly<Record<string, string>>; title?: string } = {}) {
    this.command = options.title ?? argv.join(" ");
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", ...argv], { env: { ...process.env, ...options.env }, stdio: "pipe" });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    // The other side may be gone before all input was written.
    this.#child.stdin?.on("error", () => {});
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => resolve((this.#code = code ?? 128 + (signal === "SIGKILL" ? 9 : 15))));
    });
    this.#ended.catch(() => {});
  }

  /** Id of the outer process (`nsenter`, for a command in a host). */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`Cannot start ${this.command}`);
    return this.#child.pid;
  }
  get stdout(): string {
    return this.#stdout;
  }
  get stderr(): string {
    return this.#stderr;
  }
  /** Exit status once it has ended. */
  get code(): number | undefined {
    return this.#code;
  }
  get ended(): Promise<number> {
    return this.#ended;
  }

  write(text: string | Uint8Array): void {
    this.#child.stdin?.write(text);
  }
  closeInput(): void {
    this.#child.stdin?.end();
  }
  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    this.#child.kill(signal);
  }

  /** Kills it and everything it started, and lets go of its output even where something else still holds it open. */
  destroy(): void {
    for (const pid of descendantsOf(this.pid)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended by itself in the meantime.
      }
    }
    this.#child.kill("SIGKILL");
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Waits until standard output, from `from` on, matches. @returns the match. @throws when it ends or `timeout` ms pass before */
  async waitFor(pattern: RegExp, options: { timeout?: number; from?: number } = {}): Promise<RegExpExecArray> {
    const deadline = performance.now() + (options.timeout ?? 15_000);
    for (;;) {
      const match = pattern.exec(this.#stdout.slice(options.from ?? 0));
      if (match) return match;
      if (this.#code !== undefined || performance.now() > deadline) {
        const why = this.#code !== undefined ? `ended with ${this.#code}` : "printed something else";
        throw new Error(`Waited for ${pattern} from ${this.command}, which ${why}:\n${this.#stdout}${this.#stderr}`);
      }
      await sleep(20);
    }
  }

  /** Types a line and waits for `pattern` in what follows: a step of a terminal session. @returns what was printed up to its end */
  async answer(line: string, pattern: RegExp, options: { timeout?: number } = {}): Promise<string> {
    const from = this.#stdout.length;
    this.write(`${line}\n`);
    const match = await this.waitFor(pattern, { ...options, from });
    return match.input.slice(0, match.index + match[0].length).replaceAll("\r\n", "\n");
  }
}

/** Process ids below one, nearest first. */
export function descendantsOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
    return [...children, ...children.flatMap(descendantsOf)];
  } catch {
    return [];
  }
}

/** Runs a command to its end. @throws CommandError */
export async function runCommand(argv: readonly string[], options: CommandOptions & { title?: string } = {}): Promise<CommandResult> {
  const running = new LabProcess(argv, options);
  if (options.input !== undefined) running.write(options.input);
  if (!options.keepInputOpen) running.closeInput();
  const limit = AbortSignal.timeout(options.timeout ?? 60_000);
  limit.addEventListener("abort", () => running.destroy());
  const code = await running.ended;
  const result = { code, stdout: running.stdout, stderr: running.stderr };
  if (code !== 0 && !options.allowFailure) throw new CommandError(running.command, result, limit.aborted);
  return result;
}

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { internal } from "#base";
import { type Runtime, runtimeMessage } from "./runtime.ts";

/**
 * conmon forks itself away from us, runs `runtime create` (or `exec`), and stays with the process: its stdio, its log, its exit code. What it has to
 * say at the start comes as JSON lines through the descriptor named by _OCI_SYNCPIPE: `{"data": PID}`, or a negative number and a message.
 */
export interface ConmonRequest {
  readonly conmon: string;
  readonly runtime: Runtime;
  readonly id: string;
  /** Bundle, and where `attach`, `ctl`, `winsz` and the pid files are made. */
  readonly directory: string;
  /** `k8s-file:<path>` or `none`. */
  readonly log: string;
  /** conmon writes the exit code to a file of the container's id here. */
  readonly exitDir: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly leaveStdinOpen: boolean;
  readonly logSizeMax?: number;
}

export interface ExecRequest extends ConmonRequest {
  readonly processSpec: string;
  /** Called when conmon's socket is there and the process not yet: output is lost before. */
  readonly beforeStart?: () => void;
}

export interface Launched {
  readonly pid: number;
  readonly conmonPid: number;
}

const SYNC = 3;
const START = 4;
const ATTACH = 5;

/**
 * An orphaned conmon is the init process's to reap. Where that is this daemon (in a container, in a lab) conmon stays our child, and node reaps it.
 */
const WE_ARE_INIT = process.pid === 1;

const commonArguments = (request: ConmonRequest): string[] => [
  ...(WE_ARE_INIT ? ["--sync"] : []),
  ...["--api-version", "1", "-c", request.id, "-u", request.id, "-n", request.id, "-r", request.runtime.binary],
  ...["-b", request.directory, "--full-attach", "-p", `${request.directory}/pid`, "-P", `${request.directory}/conmon.pid`],
  ...["-l", request.log, "--exit-dir", request.exitDir, "--no-sync-log", "--log-level", "error"],
  ...(request.logSizeMax ? ["--log-size-max", String(request.logSizeMax)] : []),
  ...(request.tty ? ["-t"] : []),
  ...(request.stdin ? ["-i"] : []),
  ...(request.leaveStdinOpen ? ["--leave-stdin-open"] : []),
  ...request.runtime.globalArguments(runtimeLog(request)).flatMap((argument) => [`--runtime-arg=${argument}`]),
];

const runtimeLog = (request: ConmonRequest): string => `${request.directory}/runtime.log`;

const environment = (extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin",
  ...extra,
});

/**
 * A conmon that waits for our word, so that its own start-up goes on beside whatever the container still needs. Without that word it must be
 * `abort()`ed: it takes the end of the pipe for one.
 */
export class ContainerLaunch {
  readonly #request: ConmonRequest;
  readonly #child: ChildProcess;
  readonly #fork: Fork;
  readonly #sync: JsonLines;

  constructor(request: ConmonRequest) {
    this.#request = request;
    this.#child = spawn(request.conmon, commonArguments(request), {
      cwd: request.directory,
      env: environment({ _OCI_SYNCPIPE: String(SYNC), _OCI_STARTPIPE: String(START) }),
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#fork = new Fork(this.#child);
    this.#sync = new JsonLines(this.#child.stdio[SYNC] as Readable);
    this.#start.on("error", () => {});
  }

  get #start(): Writable {
    return this.#child.stdio[START] as Writable;
  }

  /** Creates the container; its process waits for `runtime start`. @throws internal with the runtime's own words */
  async create(): Promise<Launched> {
    this.#start.end("\n");
    try {
      return await launched(this.#fork, this.#sync, this.#request);
    } finally {
      this.#sync.close();
    }
  }

  abort(): void {
    this.#child.kill("SIGKILL");
    this.#start.destroy();
    this.#sync.close();
  }
}

/** Runs a process in a container. `exit` settles with its code, or undefined when conmon went without saying. */
export async function launchExec(request: ExecRequest): Promise<Launched & { readonly exit: Promise<number | undefined> }> {
  const child = spawn(request.conmon, [...commonArguments(request), "-e", "--exec-attach", "--exec-process-spec", request.processSpec], {
    cwd: request.directory,
    env: environment({ _OCI_SYNCPIPE: String(SYNC), _OCI_STARTPIPE: String(START), _OCI_ATTACHPIPE: String(ATTACH) }),
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const fork = new Fork(child);
  const sync = new JsonLines(child.stdio[SYNC] as Readable);
  const attach = new JsonLines((child.stdio as readonly unknown[])[ATTACH] as Readable);
  const start = child.stdio[START] as Writable;
  start.on("error", () => {});
  // Once to begin at all, once more when the output has someone to go to.
  start.write("\n");
  await attach.next();
  try {
    request.beforeStart?.();
  } finally {
    start.end("\n");
    attach.close();
  }
  const result = await launched(fork, sync, request);
  const exit = sync.next().then((last) => {
    sync.close();
    return last?.data;
  });
  return { ...result, exit };
}

/** The process we start, which forks conmon and ends. */
class Fork {
  readonly ended: Promise<void>;
  readonly failed: Promise<never>;
  readonly #child: ChildProcess;
  stderr = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => child.once("exit", () => resolve()));
    this.failed = new Promise((_, reject) =>
      child.once("error", (error) => reject(internal(`Cannot run conmon: ${error.message}`, { cause: error }))),
    );
    this.failed.catch(() => {});
  }

  /** conmon's own pid, once it is the one that stays. */
  async conmonPid(directory: string): Promise<number> {
    if (WE_ARE_INIT) {
      this.#child.unref();
      return this.#child.pid ?? 0;
    }
    await this.ended;
    return Number(readFileSync(`${directory}/conmon.pid`, "utf8"));
  }
}

async function launched(fork: Fork, sync: JsonLines, request: ConmonRequest): Promise<Launched> {
  const first = await Promise.race([sync.next(), fork.failed]);
  if (!first || first.data < 0) throw internal(failureOf(request, first?.message ?? "", fork.stderr), { code: "runtime-failed" });
  return { pid: first.data, conmonPid: await fork.conmonPid(request.directory) };
}

/** The runtime's log says it best; what conmon passed on is cut to a page. */
function failureOf(request: ConmonRequest, message: string, stderr: string): string {
  let log = "";
  try {
    log = readFileSync(runtimeLog(request), "utf8");
  } catch {}
  return runtimeMessage(log) || runtimeMessage(message) || stderr.trim() || "conmon ended without a word";
}

interface SyncMessage {
  readonly data: number;
  readonly message?: string;
}

/** Lines of JSON from a pipe, one at a time. */
class JsonLines {
  readonly #stream: Readable;
  #text = "";
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      this.#text += text;
      this.#wake?.();
    });
    const end = () => {
      this.#ended = true;
      this.#wake?.();
    };
    stream.on("end", end).on("close", end).on("error", end);
  }

  async next(): Promise<SyncMessage | undefined> {
    for (;;) {
      const newline = this.#text.indexOf("\n");
      if (newline >= 0) {
        const line = this.#text.slice(0, newline);
        this.#text = this.#text.slice(newline + 1);
        return JSON.parse(line) as SyncMessage;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#stream.destroy();
  }
}

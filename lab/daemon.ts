import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Box } from "./box.ts";
import { childOf } from "./box.ts";
import { LabProcess } from "./process.ts";

export interface DaemonOptions {
  readonly box: Box;
  /** The whole command line of the daemon. */
  readonly argv: readonly string[];
  /** Unix socket it is told to listen on. */
  readonly socket: string;
  readonly logPath: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until it must answer `/_ping`. */
  readonly startTimeout: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** A container engine's daemon running in a lab host: fairwayd, or dockerd as the reference. */
export class Daemon {
  readonly socket: string;
  readonly #options: DaemonOptions;
  #process: LabProcess | undefined;

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.socket = options.socket;
  }

  /** Starts it and waits until it serves. @throws with the end of its log */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    await daemon.start();
    return daemon;
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.code === undefined;
  }

  /** Process id, as seen from outside, of the daemon itself. */
  get pid(): number {
    if (!this.#process) throw new Error("The daemon is not running");
    return childOf(this.#process.pid);
  }

  /** Everything it has logged since it was first started. */
  get log(): string {
    return existsSync(this.#options.logPath) ? readFileSync(this.#options.logPath, "utf8") : "";
  }

  async start(): Promise<void> {
    if (this.running) throw new Error("The daemon is running already");
    const { box, argv, logPath, env, startTimeout } = this.#options;
    closeSync(openSync(logPath, "a"));
    const daemon = new LabProcess(box.enterWhole(["sh", "-c", `exec "$@" >>${logPath} 2>&1`, "sh", ...argv]), {
      title: argv[0] ?? "daemon",
      ...(env ? { env } : {}),
    });
    this.#process = daemon;
    daemon.closeInput();
    const deadline = performance.now() + startTimeout;
    while (!(await this.#answers())) {
      if (daemon.code !== undefined) throw new Error(`${argv[0]} ended with ${daemon.code}:\n${this.log.slice(-4000)}${daemon.stderr}`);
      if (performance.now() > deadline) {
        await this.kill();
        throw new Error(`${argv[0]} does not serve after ${startTimeout} ms:\n${this.log.slice(-4000)}`);
      }
      await sleep(20);
    }
  }

  /** SIGTERM, and waits until it has ended. @returns its exit status */
  stop(): Promise<number> {
    return this.#end("SIGTERM");
  }

  /** SIGKILL: what a crash looks like. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async restart(): Promise<void> {
    if (this.running) await this.stop();
    await this.start();
  }

  async #end(signal: NodeJS.Signals): Promise<number> {
    const daemon = this.#process;
    if (!daemon || daemon.code !== undefined) return daemon?.code ?? 0;
    try {
      process.kill(this.pid, signal);
    } catch {
      // It ended by itself in the meantime.
    }
    const code = await Promise.race([daemon.ended, sleep(30_000, undefined, { ref: false })]);
    if (code === undefined) {
      process.kill(this.pid, "SIGKILL");
      throw new Error(`The daemon did not end within 30 s of ${signal}:\n${this.log.slice(-4000)}`);
    }
    return code;
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.api("GET", "/_ping")).status === 200;
    } catch {
      return false;
    }
  }

  /** One request to its API. `body` is sent as JSON, a string as it is. */
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const payload = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = payload === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
      // A connection of its own: one that is kept alive may lead to the daemon before.
      const call = request({ socketPath: this.socket, method, path, headers, timeout: 60_000, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        response.on("error", reject);
      });
      call.on("timeout", () => call.destroy(new Error(`No answer to ${method} ${path} within 60 s`)));
      call.on("error", reject);
      call.end(payload);
    });
  }
}

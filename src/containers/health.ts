import { messageOf } from "#base";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import type { ExecInstance, Execs } from "./exec.ts";
import { type HealthState, nowText } from "./record.ts";

const NANO = 1_000_000;
const DEFAULT_INTERVAL = 30_000;
const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_RETRIES = 3;
/** As dockerd: this many results are kept, this much of each one's output. */
const KEPT = 5;
const OUTPUT = 4096;

/** The command of a HEALTHCHECK; undefined for none. */
export function healthCommand(container: Container): string[] | undefined {
  const { Healthcheck: check, Shell } = container.record.config;
  const [kind, ...rest] = check?.Test ?? [];
  if (kind === "CMD") return rest;
  if (kind === "CMD-SHELL") return [...(Shell?.length ? Shell : ["/bin/sh", "-c"]), rest.join(" ")];
  return undefined;
}

/** Runs the health checks of containers that have one, from their start to their end. */
export class HealthChecks {
  readonly #context: Context;
  readonly #execs: Execs;
  #closed = false;

  constructor(context: Context, execs: Execs) {
    this.#context = context;
    this.#execs = execs;
  }

  /** The container runs. */
  watch(container: Container): void {
    const command = healthCommand(container);
    if (!command) {
      container.health = undefined;
      return;
    }
    container.health = { Status: "starting", FailingStreak: 0, Log: [] };
    const started = Date.now();
    const interval = (container.record.config.Healthcheck?.Interval ?? 0) / NANO || DEFAULT_INTERVAL;
    let timer: NodeJS.Timeout;
    const next = () => {
      timer = setTimeout(async () => {
        if (container.record.phase === "running") await this.#probe(container, command, started);
        if (container.up && !over && !this.#closed) next();
      }, interval);
      timer.unref();
    };
    let over = false;
    container.onExit(() => {
      over = true;
      clearTimeout(timer);
    });
    next();
  }

  close(): void {
    this.#closed = true;
  }

  async #probe(container: Container, Cmd: string[], started: number): Promise<void> {
    const limit = (container.record.config.Healthcheck?.Timeout ?? 0) / NANO || DEFAULT_TIMEOUT;
    const Start = nowText();
    let exec: ExecInstance | undefined;
    let late: NodeJS.Timeout | undefined;
    let result: { ExitCode: number; Output: string };
    try {
      const created = this.#execs.create(container, { Cmd, AttachStdout: true, AttachStderr: true });
      exec = created;
      let timedOut = false;
      const session = await this.#execs.start(created.id, { detach: false, tty: false });
      late = setTimeout(() => {
        timedOut = true;
        this.#execs.kill(created.id);
      }, limit);
      const parts: Uint8Array[] = [];
      if (session) for await (const { data } of session.output) parts.push(data);
      const Output = Buffer.concat(parts).toString();
      result = timedOut
        ? { ExitCode: -1, Output: `Health check exceeded timeout (${limit}ms)${Output === "" ? "" : `: ${Output}`}` }
        : { ExitCode: created.exitCode ?? -1, Output };
    } catch (error) {
      result = { ExitCode: -1, Output: messageOf(error) };
    } finally {
      clearTimeout(late);
      if (exec) this.#execs.drop(exec.id);
    }
    if (container.up) this.#note(container, { Start, End: nowText(), ...result, Output: result.Output.slice(0, OUTPUT) }, started);
  }

  #note(container: Container, entry: HealthState["Log"][number], started: number): void {
    const before = container.health ?? { Status: "starting", FailingStreak: 0, Log: [] };
    const check = container.record.config.Healthcheck;
    const grace = before.Status === "starting" && Date.now() - started < (check?.StartPeriod ?? 0) / NANO;
    const streak = entry.ExitCode === 0 ? 0 : grace ? before.FailingStreak : before.FailingStreak + 1;
    const Status = entry.ExitCode === 0 ? "healthy" : streak >= (check?.Retries || DEFAULT_RETRIES) ? "unhealthy" : before.Status;
    container.health = { Status, FailingStreak: streak, Log: [...before.Log, entry].slice(-KEPT) };
    if (Status !== before.Status) this.#context.emit(`health_status: ${Status}`, container);
  }
}

import { messageOf } from "#base";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import type { ExecInstance, Execs } from "./exec.ts";
import { type HealthState, nowText } from "./record.ts";
import type { Healthcheck, OutputChunk } from "./types.ts";

const NANO = 1_000_000;
const DEFAULT_INTERVAL = 30_000;
const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_START_INTERVAL = 5000;
const DEFAULT_RETRIES = 3;
/** As dockerd: this many results are kept, this many bytes of each one's output. */
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

/** What is checked of one run of a container. */
interface Run {
  readonly container: Container;
  readonly command: string[];
  /** ms since the epoch. */
  readonly started: number;
  over: boolean;
}

const starts = (check: Healthcheck | null | undefined, started: number): boolean => Date.now() - started < (check?.StartPeriod ?? 0) / NANO;

/** ms until the next check. */
function pauseOf({ container, started }: Run): number {
  const { Healthcheck: check } = container.record.config;
  if (container.health?.Status === "starting" && starts(check, started))
    return (check?.StartInterval ?? 0) / NANO || DEFAULT_START_INTERVAL;
  return (check?.Interval ?? 0) / NANO || DEFAULT_INTERVAL;
}

/** The first of what a check prints; the rest is read, and let go. */
async function beginningOf(output: AsyncIterable<OutputChunk>): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const { data } of output) {
    if (length < OUTPUT) parts.push(data.subarray(0, OUTPUT - length));
    length += data.length;
  }
  return `${Buffer.concat(parts)}${length > OUTPUT ? "..." : ""}`;
}

/** As Go writes a duration: `1m30s`, `500ms`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const [hours, minutes] = [Math.floor(milliseconds / 3_600_000), Math.floor(milliseconds / 60_000) % 60];
  return `${hours > 0 ? `${hours}h` : ""}${milliseconds >= 60_000 ? `${minutes}m` : ""}${(milliseconds % 60_000) / 1000}s`;
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
    container.health = { Status: "starting", FailingStreak: 0, Log: container.health?.Log ?? [] };
    const run: Run = { container, command, started: Date.now(), over: false };
    let timer: NodeJS.Timeout;
    const next = () => {
      timer = setTimeout(async () => {
        if (container.record.phase === "running") await this.#probe(run);
        if (!run.over && !this.#closed) next();
      }, pauseOf(run));
      timer.unref();
    };
    container.onExit(() => {
      run.over = true;
      clearTimeout(timer);
      // Docker's word for what nobody checks any more.
      if (container.health) container.health = { ...container.health, Status: "unhealthy" };
    });
    next();
  }

  close(): void {
    this.#closed = true;
  }

  async #probe(run: Run): Promise<void> {
    const { container, command: Cmd } = run;
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
      const Output = session ? await beginningOf(session.output) : "";
      result = timedOut
        ? { ExitCode: -1, Output: `Health check exceeded timeout (${durationText(limit)})${Output === "" ? "" : `: ${Output}`}` }
        : { ExitCode: created.exitCode ?? -1, Output };
    } catch (error) {
      result = { ExitCode: -1, Output: messageOf(error) };
    } finally {
      clearTimeout(late);
      if (exec) this.#execs.drop(exec.id);
    }
    if (!run.over) this.#note(run, { Start, End: nowText(), ...result });
  }

  #note({ container, started }: Run, entry: HealthState["Log"][number]): void {
    const before = container.health ?? { Status: "starting", FailingStreak: 0, Log: [] };
    const check = container.record.config.Healthcheck;
    const grace = before.Status === "starting" && starts(check, started);
    const streak = entry.ExitCode === 0 ? 0 : grace ? before.FailingStreak : before.FailingStreak + 1;
    const Status = entry.ExitCode === 0 ? "healthy" : streak >= (check?.Retries || DEFAULT_RETRIES) ? "unhealthy" : before.Status;
    container.health = { Status, FailingStreak: streak, Log: [...before.Log, entry].slice(-KEPT) };
    if (Status !== before.Status) this.#context.emit(`health_status: ${Status}`, container);
  }
}

import { invalid, messageOf } from "#base";
import { cgroupDirectories, removeCgroup } from "./cgroup.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { createContainer, writtenSize } from "./create.ts";
import { parseDetachKeys } from "./detach-keys.ts";
import { isPaused, notRunning } from "./errors.ts";
import type { Events } from "./events.ts";
import { Execs } from "./exec.ts";
import { matchesLabels } from "./filters.ts";
import { HealthChecks } from "./health.ts";
import { inspectJson } from "./inspect.ts";
import { Lifecycle } from "./lifecycle.ts";
import { listJson } from "./list.ts";
import { readLog } from "./log-file.ts";
import { removeOrphans } from "./orphans.ts";
import { isAlive } from "./proc.ts";
import type { Registry } from "./registry.ts";
import { shutdownLimit, within } from "./shutdown.ts";
import { signalNumber } from "./signals.ts";
import { resizeTerminal } from "./terminal.ts";
import { topJson } from "./top.ts";
import type {
  AttachOptions,
  ContainerCreateBody,
  ContainerEvent,
  ContainerListOptions,
  Containers,
  ExecConfig,
  HostConfig,
  LogOptions,
  OutputChunk,
  StdioSession,
} from "./types.ts";
import { applyUpdate } from "./update.ts";
import type { Volumes } from "./volumes.ts";

/** ms between looks for containers whose conmon died without a word. */
const CONMON_CHECK = 5000;

/** The room's door: every method of `Containers`, and what the daemon's own start and end need. */
export class ContainerService implements Containers {
  readonly #context: Context;
  readonly #registry: Registry;
  readonly #events: Events;
  readonly #lifecycle: Lifecycle;
  readonly #execs: Execs;
  readonly #health: HealthChecks;
  #check: NodeJS.Timeout | undefined;

  constructor(context: Context, registry: Registry, events: Events) {
    this.#context = context;
    this.#registry = registry;
    this.#events = events;
    this.#lifecycle = new Lifecycle(context, registry);
    this.#execs = new Execs(context);
    this.#health = new HealthChecks(context, this.#execs);
    this.#lifecycle.onUp((container) => this.#health.watch(container));
    events.on(({ action, containerId }) => {
      if (action === "destroy") this.#execs.forget(containerId);
    });
  }

  get volumes(): Volumes {
    return this.#context.volumes;
  }

  /** `crun` or `runc`, and where it is. */
  get runtime(): { name: string; path: string } {
    return { name: this.#context.runtime.name, path: this.#context.runtime.binary };
  }

  /** Makes the world agree with the records: adopts what runs, finishes what was begun, removes what no record names, starts what policy says. */
  async reconcile(): Promise<void> {
    await removeOrphans(this.#context, this.#registry);
    const containers = this.#registry.all().sort((a, b) => (a.record.created < b.record.created ? -1 : 1));
    for (const container of containers) await this.#each(container, (each) => this.#lifecycle.reconcile(each));
    this.#context.exits.open(this.#context.log);
    this.#check = setInterval(() => this.#checkMonitors(), CONMON_CHECK);
    this.#check.unref();
    for (const container of containers) await this.#each(container, (each) => this.#lifecycle.startByPolicy(each));
  }

  async #each(container: Container, action: (container: Container) => Promise<void>): Promise<void> {
    await action(container).catch((error: unknown) =>
      this.#context.log.error("Bringing a container into its recorded state failed", { container: container.id, error: messageOf(error) }),
    );
  }

  exitSeen(id: string): void {
    const container = this.#registry.get(id);
    if (container) this.#ended(container);
  }

  #ended(container: Container): void {
    this.#lifecycle
      .ended(container)
      .catch((error: unknown) =>
        this.#context.log.error("Handling a container's end failed", { container: container.id, error: messageOf(error) }),
      );
  }

  #checkMonitors(): void {
    for (const container of this.#registry.all()) {
      const { conmonPid, conmonStart } = container.record;
      if (container.up && !isAlive(conmonPid, conmonStart)) this.#ended(container);
    }
  }

  /**
   * Ends the room.
   * @param options stopTimeout: end the containers too, within so many seconds (`shutdownLimit`); their policies hold for the next start. Without
   * it they go on without a daemon.
   */
  async close({ stopTimeout }: { stopTimeout?: number } = {}): Promise<void> {
    this.#lifecycle.beginClose();
    if (stopTimeout !== undefined) await this.#stopAll(stopTimeout);
    clearInterval(this.#check);
    this.#health.close();
    this.#context.exits.close();
    for (const container of this.#registry.all()) await container.transitions.run(() => container.releaseRoot());
    const parent = `/${this.#context.defaults.cgroupParent ?? "fairway"}`;
    const empty = cgroupDirectories(parent, this.#context.cgroups).length > 0 && !this.#registry.all().some((container) => container.up);
    if (empty) removeCgroup(parent, this.#context.cgroups);
  }

  async #stopAll(timeout: number): Promise<void> {
    const { log } = this.#context;
    const up = this.#registry.all().filter((container) => container.up);
    const limit = shutdownLimit(
      timeout,
      up.map((container) => this.#lifecycle.stopTimeout(container)),
    );
    log.info("Stopping containers", { containers: up.length, limit });
    const stopped = Promise.all(up.map((container) => this.#each(container, (each) => this.#lifecycle.stopForShutdown(each))));
    if (await within(limit, stopped)) return;
    for (const { id } of up.filter((container) => container.up))
      log.error("Container did not stop before the daemon's end", { container: id });
  }

  async create(name: string | undefined, body: ContainerCreateBody): Promise<{ Id: string; Warnings: string[] }> {
    const { container, warnings } = await createContainer(this.#context, this.#registry, name, body);
    this.#events.emit("create", container);
    return { Id: container.id, Warnings: warnings };
  }

  async start(reference: string, _options: { detachKeys?: string } = {}): Promise<void> {
    const container = this.#registry.find(reference);
    const size = container.record.hostConfig.ConsoleSize as [number, number] | undefined;
    await this.#lifecycle.start(container, size && size[0] > 0 ? size : undefined);
  }

  async stop(reference: string, options: { signal?: string; timeout?: number }): Promise<void> {
    await this.#lifecycle.stop(this.#registry.find(reference), options);
  }

  async restart(reference: string, options: { signal?: string; timeout?: number }): Promise<void> {
    await this.#lifecycle.restart(this.#registry.find(reference), options);
  }

  async kill(reference: string, signal: string): Promise<void> {
    if (signal) signalNumber(signal);
    await this.#lifecycle.kill(this.#registry.find(reference), signal);
  }

  async pause(reference: string): Promise<void> {
    await this.#lifecycle.pause(this.#registry.find(reference));
  }

  async unpause(reference: string): Promise<void> {
    await this.#lifecycle.unpause(this.#registry.find(reference));
  }

  async rename(reference: string, name: string): Promise<void> {
    if (name === "") throw invalid("Neither old nor new names may be empty", { code: "bad-name" });
    await this.#lifecycle.rename(this.#registry.find(reference), name);
  }

  async remove(reference: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void> {
    if (options.link)
      throw invalid("Cannot remove a link by itself: links are part of the container that has them", { code: "link-removal" });
    await this.#lifecycle.remove(this.#registry.find(reference), options);
  }

  async update(reference: string, change: Partial<HostConfig>): Promise<{ Warnings: string[] }> {
    const container = this.#registry.find(reference);
    await container.operations.run(() => applyUpdate(this.#context, this.#registry, container, change));
    this.#events.emit("update", container);
    return { Warnings: [] };
  }

  wait(
    reference: string,
    condition: "not-running" | "next-exit" | "removed",
  ): { readonly registered: true; readonly result: Promise<{ StatusCode: number; Error?: { Message: string } }> } {
    const container = this.#registry.find(reference);
    const waits = container.up || container.record.phase === "starting" || container.record.restarting;
    const code =
      condition === "removed"
        ? container.removed()
        : condition === "next-exit" || waits
          ? container.nextExit()
          : Promise.resolve(container.record.exitCode);
    // A failed start tells its error by itself; here it would be told twice, and the client takes any for a failure of the wait.
    return { registered: true, result: code.then((StatusCode) => ({ StatusCode })) };
  }

  async resize(reference: string, height: number, width: number): Promise<void> {
    const container = this.#registry.find(reference);
    if (!container.up) throw notRunning(container.id);
    resizeTerminal(container.paths.bundle, height, width);
    this.#events.emit("resize", container, { height: String(height), width: String(width) });
  }

  async attach(reference: string, options: AttachOptions): Promise<StdioSession> {
    const container = this.#registry.find(reference);
    const { record } = container;
    if (record.phase === "paused") throw isPaused(container.id);
    const detachKeys = parseDetachKeys(options.detachKeys);
    const logged = options.logs;
    const session = container.hub.session({
      stdin: options.stdin && options.stream,
      // Replay and what follows come from the log alone, so that nothing is told twice or lost between.
      stdout: options.stdout && options.stream && !logged,
      stderr: options.stderr && options.stream && !logged,
      detachKeys,
      onDetach: () => this.#events.emit("detach", container),
    });
    this.#events.emit("attach", container);
    if (!options.stream || logged) {
      const output = logged
        ? this.#output(container, {
            stdout: options.stdout,
            stderr: options.stderr,
            follow: options.stream && container.up,
            timestamps: false,
          })
        : emptyOutput();
      return {
        tty: session.tty,
        output,
        write: (data) => session.write(data),
        closeInput: () => session.closeInput(),
        detach: () => session.detach(),
      };
    }
    return session;
  }

  async logs(reference: string, options: LogOptions): Promise<{ readonly tty: boolean; readonly output: AsyncIterable<OutputChunk> }> {
    const container = this.#registry.find(reference);
    if (!options.stdout && !options.stderr) throw invalid("Bad parameters: you must choose at least one stream", { code: "no-stream" });
    if (container.record.hostConfig.LogConfig?.Type === "none")
      throw invalid("configured logging driver does not support reading", { code: "log-driver-none" });
    return { tty: container.record.config.Tty ?? false, output: this.#output(container, options) };
  }

  #output(container: Container, options: LogOptions): AsyncIterable<OutputChunk> {
    return readLog(container.paths.log, options, {
      ended: () => !container.up && container.record.phase !== "starting" && !container.record.restarting,
      onEnd: (listener) => container.onExit(listener),
    });
  }

  list(options: ContainerListOptions): Promise<readonly Record<string, unknown>[]> {
    return listJson(this.#context, this.#registry, options);
  }

  async inspect(reference: string, options: { size?: boolean } = {}): Promise<Record<string, unknown>> {
    return inspectJson(this.#context, this.#registry.find(reference), options.size ?? false);
  }

  async top(reference: string, psArgs: string): Promise<{ Titles: string[]; Processes: string[][] }> {
    const container = this.#registry.find(reference);
    const result = await topJson(this.#context, container, psArgs);
    this.#events.emit("top", container);
    return result;
  }

  resolve(reference: string): string {
    return this.#registry.find(reference).id;
  }

  async prune(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }> {
    for (const key of Object.keys(filters))
      if (!["label", "label!", "until"].includes(key)) throw invalid(`invalid filter '${key}'`, { code: "bad-filter", context: { key } });
    const until = filters.until?.[0] === undefined ? undefined : pruneTime(filters.until[0]);
    const deleted: string[] = [];
    let SpaceReclaimed = 0;
    for (const container of this.#registry.all()) {
      const { record } = container;
      if (container.up || record.restarting || record.phase === "starting") continue;
      if (until !== undefined && Date.parse(record.created) > until) continue;
      const labels = record.config.Labels ?? {};
      if (!matchesLabels(labels, filters.label ?? []) || (filters["label!"]?.length && matchesLabels(labels, filters["label!"]))) continue;
      const size = await writtenSize(this.#registry, container);
      try {
        await this.#lifecycle.remove(container, { force: false, volumes: false });
      } catch (error) {
        this.#context.log.warn("Pruning left a container out", { container: container.id, error: messageOf(error) });
        continue;
      }
      SpaceReclaimed += size;
      deleted.push(container.id);
    }
    return { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed };
  }

  async execCreate(reference: string, config: ExecConfig): Promise<{ Id: string }> {
    return { Id: this.#execs.create(this.#registry.find(reference), config).id };
  }

  execStart(
    execId: string,
    options: { detach: boolean; tty: boolean; consoleSize?: [number, number] | null },
  ): Promise<StdioSession | undefined> {
    return this.#execs.start(execId, options);
  }

  async execResize(execId: string, height: number, width: number): Promise<void> {
    this.#execs.resize(execId, height, width);
  }

  async execInspect(execId: string): Promise<Record<string, unknown>> {
    return this.#execs.inspect(execId);
  }

  usersOfImage(imageId: string): readonly { id: string; running: boolean }[] {
    return this.#registry
      .all()
      .filter(({ record }) => record.imageId === imageId)
      .map((container) => ({ id: container.id, running: container.up }));
  }

  /** Names of the containers that mount a volume. */
  usersOfVolume(name: string): readonly string[] {
    return this.#registry
      .all()
      .filter(({ record }) => record.mounts.some(({ Name }) => Name === name))
      .map(({ id }) => id);
  }

  counts(): { total: number; running: number; paused: number; stopped: number } {
    const all = this.#registry.all();
    const paused = all.filter(({ record }) => record.phase === "paused").length;
    const running = all.filter(({ record }) => record.phase === "running").length;
    return { total: all.length, running, paused, stopped: all.length - running - paused };
  }

  onEvent(listener: (event: ContainerEvent) => void): () => void {
    return this.#events.on(listener);
  }
}

async function* emptyOutput(): AsyncGenerator<OutputChunk> {}

const DURATION: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time before now (`1h30m`), a Unix time or a date; ms since the epoch. */
function pruneTime(text: string): number {
  if (/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    let ago = 0;
    for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) ago += Number(amount) * DURATION[unit!]!;
    return Date.now() - ago;
  }
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time)) throw invalid(`invalid filter 'until=${text}'`, { code: "bad-filter" });
  return time;
}

import { rm } from "node:fs/promises";
import { conflict, FairwayError, invalid, messageOf } from "#base";
import { isFrozen, killCgroup } from "./cgroup.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { isPaused, notRunning } from "./errors.ts";
import { checkName, nameTaken } from "./names.ts";
import { isAlive, signalProcess } from "./proc.ts";
import { type ContainerRecord, neverStarted, nowText } from "./record.ts";
import type { Registry } from "./registry.ts";
import { nextDelay, shouldRestart } from "./restart-policy.ts";
import { within } from "./shutdown.ts";
import { signalNumber } from "./signals.ts";
import { bringUp, cgroupsPathOf, sawOom } from "./starting.ts";
import { takeDown, undoStart } from "./teardown.ts";

const SIGKILL = 9;
const SIGTERM = 15;
/** ms a killed process may take to be gone. */
const KILL_LIMIT = 10_000;
/** Exit code of a run whose end nobody saw, as dockerd gives after a host's crash. */
const UNKNOWN_EXIT = 255;

/** A container's ups and downs. Every method is one operation on one container, done one at a time. */
export class Lifecycle {
  readonly #context: Context;
  readonly #registry: Registry;
  readonly #onUp = new Set<(container: Container) => void>();
  #closing = false;

  constructor(context: Context, registry: Registry) {
    this.#context = context;
    this.#registry = registry;
  }

  /** Told of each container that runs: started or found running. */
  onUp(listener: (container: Container) => void): void {
    this.#onUp.add(listener);
  }

  start(container: Container, consoleSize?: readonly [number, number]): Promise<void> {
    return container.operations.run(() => this.#startByHand(container, consoleSize));
  }

  async #startByHand(container: Container, consoleSize?: readonly [number, number]): Promise<void> {
    const { record } = container;
    if (record.phase === "paused") throw conflict("cannot start a paused container, try unpause instead", { code: "paused" });
    if (record.phase === "running")
      throw new FairwayError("notModified", `container ${container.id} is already running`, { code: "already-running" });
    if (record.removing || record.phase === "dead")
      throw conflict("container is marked for removal and cannot be started", { code: "removing", context: { id: container.id } });
    this.#cancelRestart(container);
    container.backoff = 0;
    try {
      await this.#start(container, { restartCount: 0, stoppedByUser: false, restarting: false }, consoleSize);
    } catch (error) {
      if (record.hostConfig.AutoRemove) await this.#remove(container, { volumes: true });
      throw error;
    }
  }

  async #start(container: Container, change: Partial<ContainerRecord>, consoleSize?: readonly [number, number]): Promise<void> {
    await container.transitions.run(async () => {
      const before = container.record.phase === "starting" ? "created" : container.record.phase;
      await this.#registry.save(container, { ...change, phase: "starting", error: "" });
      try {
        const running = await bringUp(this.#context, this.#registry, container, consoleSize);
        await this.#registry.save(container, running);
      } catch (error) {
        const exitCode = (error as { context?: { exitCode?: number } }).context?.exitCode ?? 128;
        await undoStart(this.#context, container);
        await container.hub.finish();
        const phase = neverStarted(container.record) ? before : "exited";
        await this.#registry.note(container, { phase, exitCode, error: messageOf(error), restarting: false, pid: 0 });
        throw error;
      }
    });
    this.#context.emit("start", container);
    for (const listener of this.#onUp) listener(container);
  }

  /** An exit file came, or conmon is gone: what the run leaves is cleared away, and the policy decides. */
  async ended(container: Container): Promise<void> {
    await container.transitions.run(async () => {
      const { record } = container;
      if (!container.up) return;
      const written = this.#context.exits.code(container.id);
      // A reused exit directory entry or a spurious wake-up: the process says which.
      if (written === undefined && (isAlive(record.conmonPid, record.conmonStart) || isAlive(record.pid, record.pidStart))) return;
      const exitCode = written ?? UNKNOWN_EXIT;
      const oomKilled = sawOom(container);
      const finished = container.hub.finish();
      for (const exec of container.execs.values()) exec.containerEnded();
      await takeDown(this.#context, container);
      await finished;
      const ranFor = Date.now() - Date.parse(record.startedAt);
      const again = !this.#closing && !container.removalAsked && shouldRestart(record.hostConfig.RestartPolicy, { ...record, exitCode });
      const gone = record.hostConfig.AutoRemove === true && !this.#closing;
      await this.#registry.note(container, {
        phase: "exited",
        pid: 0,
        exitCode,
        oomKilled,
        finishedAt: nowText(),
        restarting: again,
        ...(gone ? { removing: true } : {}),
      });
      this.#context.exits.clear(container.id);
      if (oomKilled) this.#context.emit("oom", container);
      this.#context.emit("die", container, { exitCode: String(exitCode) });
      if (again) this.#scheduleRestart(container, ranFor);
      container.tellExit(exitCode);
    });
    // Not awaited: whoever holds the operations may be waiting for this very end.
    if (container.record.phase === "exited" && container.record.removing && !container.removalAsked)
      container.operations
        .run(() => this.#remove(container, { volumes: true }))
        .catch((error: unknown) => {
          container.removalAsked = false;
          this.#context.log.error("Removing a container failed", { container: container.id, error: messageOf(error) });
        });
  }

  #scheduleRestart(container: Container, ranFor: number): void {
    container.backoff = nextDelay(container.backoff, ranFor);
    container.restartTimer = setTimeout(() => {
      container.restartTimer = undefined;
      void container.operations.run(async () => {
        if (!container.record.restarting || this.#closing) return;
        await this.#start(container, { restartCount: container.record.restartCount + 1 }).catch((error: unknown) =>
          this.#context.log.error("Restarting a container failed", { container: container.id, error: messageOf(error) }),
        );
      });
    }, container.backoff);
  }

  #cancelRestart(container: Container): void {
    clearTimeout(container.restartTimer);
    container.restartTimer = undefined;
  }

  stop(container: Container, options: { signal?: string; timeout?: number }): Promise<void> {
    return container.operations.run(async () => {
      if (!container.up && !container.record.restarting)
        throw new FairwayError("notModified", `container ${container.id} is already stopped`, { code: "already-stopped" });
      await this.#registry.note(container, { stoppedByUser: true });
      await this.#stop(container, options);
      this.#context.emit("stop", container);
    });
  }

  /** @param options timeout in seconds, negative: wait for ever */
  async #stop(container: Container, options: { signal?: string; timeout?: number }): Promise<void> {
    this.#cancelRestart(container);
    if (container.record.restarting && !container.up) {
      await this.#registry.note(container, { restarting: false });
      return;
    }
    if (!container.up) return;
    const signal = signalNumber(options.signal || container.record.config.StopSignal || "SIGTERM");
    const seconds = options.timeout ?? this.stopTimeout(container);
    if (await this.#signalAndWait(container, signal, seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000)) return;
    this.#context.log.info("Container did not stop in time, killing it", { container: container.id, seconds });
    await this.#killHard(container);
  }

  /** Seconds between a container's stop signal and SIGKILL; negative: for ever. */
  stopTimeout({ record }: Container): number {
    return record.config.StopTimeout ?? this.#context.defaults.stopTimeout ?? 10;
  }

  /** @param limit in ms. @returns whether it ended within the time */
  async #signalAndWait(container: Container, signal: number, limit: number): Promise<boolean> {
    const exited = container.nextExit();
    this.#signal(container, signal);
    // What is frozen dies of nothing, whoever froze it.
    if (this.#frozen(container)) await this.#context.runtime.resume(container.id).catch(() => {});
    return (await within(limit, exited)) || !container.up;
  }

  async #killHard(container: Container): Promise<void> {
    if (!container.up) return;
    if (await this.#signalAndWait(container, SIGKILL, KILL_LIMIT)) return;
    await this.ended(container);
    if (container.up)
      throw conflict(
        `Could not kill container ${container.id}: its process ${container.record.pid} did not end within ${KILL_LIMIT / 1000} s of SIGKILL`,
        { code: "kill-timeout" },
      );
  }

  #signal(container: Container, signal: number): void {
    const { record } = container;
    if (!container.up) return;
    if (isAlive(record.pid, record.pidStart)) signalProcess(record.pid, signal);
    // In a pid namespace that is not the container's own its other processes do not die with the first.
    if (signal === SIGKILL && record.hostConfig.PidMode) killCgroup(cgroupsPathOf(this.#context, record), this.#context.cgroups);
    this.#context.emit("kill", container, { signal: String(signal) });
  }

  async kill(container: Container, signalText: string): Promise<void> {
    const signal = signalNumber(signalText || "SIGKILL");
    if (container.record.restarting && !container.up)
      throw conflict(
        `Cannot kill container: ${container.record.name}: Container ${container.id} is restarting, wait until the container is running`,
        { code: "restarting" },
      );
    if (!container.up) {
      const cause = notRunning(container.id);
      throw conflict(`Cannot kill container: ${container.record.name}: ${cause.message}`, { code: cause.code, cause });
    }
    if (container.record.phase === "paused" && signal !== SIGKILL) throw isPaused(container.id);
    // Docker counts only the stop signal and SIGKILL as the user's wish that it stay down.
    const stopSignal = signalNumber(container.record.config.StopSignal || "SIGTERM");
    if (signal === SIGKILL || signal === stopSignal || signal === SIGTERM) await this.#registry.note(container, { stoppedByUser: true });
    if (signal !== SIGKILL) return this.#signal(container, signal);
    if (!(await this.#signalAndWait(container, signal, KILL_LIMIT))) await this.ended(container);
  }

  restart(container: Container, options: { signal?: string; timeout?: number }): Promise<void> {
    return container.operations.run(async () => {
      const { hostConfig } = container.record;
      // A restart is no end: neither policy nor --rm may act on it.
      const autoRemove = hostConfig.AutoRemove === true;
      if (autoRemove) container.record = { ...container.record, hostConfig: { ...hostConfig, AutoRemove: false } };
      try {
        await this.#registry.note(container, { stoppedByUser: true });
        await this.#stop(container, options);
      } finally {
        if (autoRemove) container.record = { ...container.record, hostConfig };
      }
      await this.#startByHand(container);
      this.#context.emit("restart", container);
    });
  }

  #frozen({ record }: Container): boolean {
    return isFrozen(cgroupsPathOf(this.#context, record), this.#context.cgroups);
  }

  pause(container: Container): Promise<void> {
    return container.operations.run(async () => {
      if (container.record.phase === "paused") throw conflict(`Container ${container.id} is already paused`, { code: "paused" });
      if (!container.up) throw notRunning(container.id);
      await this.#context.runtime.pause(container.id);
      await this.#registry.save(container, { phase: "paused" });
      this.#context.emit("pause", container);
    });
  }

  unpause(container: Container): Promise<void> {
    return container.operations.run(async () => {
      if (container.record.phase !== "paused") throw conflict(`Container ${container.id} is not paused`, { code: "not-paused" });
      await this.#context.runtime.resume(container.id);
      await this.#registry.save(container, { phase: "running" });
      this.#context.emit("unpause", container);
    });
  }

  rename(container: Container, newName: string): Promise<void> {
    return container.operations.run(async () => {
      const name = checkName(newName);
      const old = container.record.name;
      if (name === old) throw invalid("Renaming a container with the same name as its current name", { code: "same-name" });
      const holder = this.#registry.nameHolder(name);
      if (holder !== undefined) throw nameTaken(name, holder);
      this.#registry.reserveName(name, container.id);
      try {
        await this.#context.engine.renameSandbox(container.id, name);
        await this.#registry.save(container, { name });
      } catch (error) {
        this.#registry.releaseName(name, container.id);
        throw error;
      }
      this.#registry.releaseName(old, container.id);
      this.#context.emit("rename", container, { oldName: `/${old}` });
    });
  }

  async remove(container: Container, options: { force: boolean; volumes: boolean }): Promise<void> {
    if (container.removalAsked)
      throw conflict(`removal of container ${container.record.name} is already in progress`, { code: "removing" });
    const { name, restarting, phase } = container.record;
    const refuse = (why: string) =>
      conflict(`cannot remove container "/${name}": container is ${why}`, { code: "running", context: { id: container.id } });
    if (!options.force) {
      if (phase === "paused") throw refuse("paused and must be unpaused first");
      if (restarting && !container.up) throw refuse("restarting: stop the container before removing or force remove");
      if (container.up) throw refuse("running: stop the container before removing or force remove");
    }
    container.removalAsked = true;
    try {
      // What blocks on the container's end must not keep it from ending.
      if (container.up && options.force) this.#signal(container, SIGKILL);
      await container.operations.run(async () => {
        this.#cancelRestart(container);
        if (container.up) {
          await this.#registry.note(container, { removing: true });
          await this.#killHard(container);
        }
        await this.#remove(container, options);
      });
    } finally {
      container.removalAsked = false;
    }
  }

  /** Takes a container that is down out of the world. Everything can be done again by the next start if this daemon dies meanwhile. */
  async #remove(container: Container, options: { volumes: boolean }): Promise<void> {
    if (this.#registry.get(container.id) !== container) return;
    container.removalAsked = true;
    this.#cancelRestart(container);
    if (!container.record.removing || container.record.restarting)
      await this.#registry.note(container, { removing: true, restarting: false });
    await Promise.all([container.hub.finish(), container.releaseRoot()]);
    // First what takes room: on a full disk the records that go next need some.
    await rm(container.paths.directory, { recursive: true, force: true });
    await rm(container.paths.bundle, { recursive: true, force: true });
    await this.#context.engine.forgetSandbox(container.id);
    if (options.volumes) {
      for (const mount of container.record.mounts) {
        if (mount.Type !== "volume" || !mount.anonymous) continue;
        const shared = this.#registry
          .all()
          .some((other) => other !== container && other.record.mounts.some(({ Name }) => Name === mount.Name));
        if (!shared) await this.#context.volumes.remove(mount.Name!, [], true);
      }
    }
    await this.#registry.forget(container);
    await this.#context.images.release(new Set(this.#registry.all().map(({ record }) => record.imageId)));
    this.#context.emit("destroy", container);
    container.tellRemoved();
  }

  /** What a start of the daemon finds: runs that go on, runs that ended unseen, intents to finish. */
  async reconcile(container: Container): Promise<void> {
    const { record } = container;
    if (container.up) {
      if (this.#context.exits.code(container.id) === undefined && isAlive(record.pid, record.pidStart)) {
        await this.#adopt(container);
        return;
      }
      await this.ended(container);
    } else if (record.phase === "starting") {
      await undoStart(this.#context, container);
      await this.#registry.save(container, { phase: neverStarted(record) ? "created" : "exited" });
      if (!record.removing) await this.#again(container, {});
    } else if (record.restarting) {
      await this.#registry.save(container, { restarting: false });
      await this.#again(container, { restartCount: record.restartCount + 1 });
    }
    // Those of --rm that ended while no daemon looked, or with the last one.
    const over = record.hostConfig.AutoRemove === true && container.record.phase === "exited" && !container.up;
    if ((container.record.removing || over) && this.#registry.get(container.id))
      await this.#remove(container, { volumes: record.hostConfig.AutoRemove === true || neverStarted(record) });
  }

  async #adopt(container: Container): Promise<void> {
    container.hub.connect(container.paths.bundle);
    container.holdRoot();
    // The kernel says how far a pause or unpause came that was cut off.
    const phase = this.#frozen(container) ? "paused" : "running";
    if (container.record.phase !== phase) await this.#registry.save(container, { phase });
    if (container.record.removing) return this.#killHard(container);
    await this.#context.engine
      .openSandbox(container.id)
      .catch((error: unknown) =>
        this.#context.log.error("Cannot restore a running container's network", { container: container.id, error: messageOf(error) }),
      );
    if (container.record.phase === "running") for (const listener of this.#onUp) listener(container);
  }

  /** Start those whose policy says so when the daemon starts. */
  async startByPolicy(container: Container): Promise<void> {
    const { record } = container;
    if (container.up || record.removing || record.restarting || container.restartTimer || neverStarted(record)) return;
    if (shouldRestart(record.hostConfig.RestartPolicy, { ...record, daemonStart: true }))
      await this.#again(container, { stoppedByUser: false });
  }

  async #again(container: Container, change: Partial<ContainerRecord>): Promise<void> {
    await container.operations
      .run(() => this.#start(container, change))
      .catch((error: unknown) =>
        this.#context.log.error("Starting a container at daemon start failed", { container: container.id, error: messageOf(error) }),
      );
  }

  /** From now on nothing is restarted or removed by itself. */
  beginClose(): void {
    this.#closing = true;
    for (const container of this.#registry.all()) this.#cancelRestart(container);
  }

  /** Stops a container because the daemon ends: its restart policy holds for the daemon's next start. */
  stopForShutdown(container: Container): Promise<void> {
    return container.operations.run(() => this.#stop(container, {}));
  }
}

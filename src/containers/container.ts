import type { Poller } from "#kernel/ffi";
import type { ExecInstance } from "./exec.ts";
import { Mutex } from "./mutex.ts";
import { HeldRoot, rootPathsOf } from "./overlay.ts";
import { isAlive } from "./proc.ts";
import { type ContainerRecord, type HealthState, isUp } from "./record.ts";
import { StdioHub } from "./stdio.ts";
import type { ContainerStatus } from "./types.ts";

/** Where one container's things are. */
export interface ContainerPaths {
  /** On disk: log, resolv.conf, hosts, hostname, root file system. */
  readonly directory: string;
  /** In memory, gone after a reboot: OCI bundle, conmon's sockets and pid files, execs. */
  readonly bundle: string;
  readonly log: string;
}

/** A container in this daemon's memory: its record, who waits for it, who is attached. */
export class Container {
  record: ContainerRecord;
  readonly paths: ContainerPaths;
  /** One start, stop, restart or remove at a time. */
  readonly operations = new Mutex();
  /** One change between up and down at a time; an exit waits for the start it belongs to. */
  readonly transitions = new Mutex();
  readonly hub: StdioHub;
  readonly execs = new Map<string, ExecInstance>();
  restartTimer: NodeJS.Timeout | undefined;
  /** ms until the next try of the restart policy. */
  backoff = 0;
  /** No restart policy from here on. */
  removalAsked = false;
  health: HealthState | undefined;
  #heldRoot: HeldRoot | undefined;
  #rootReleased: Promise<void> = Promise.resolve();
  readonly #exits = new Set<(code: number) => void>();
  readonly #removals = new Set<(code: number) => void>();

  constructor(record: ContainerRecord, paths: ContainerPaths, poller: Poller) {
    this.record = record;
    this.paths = paths;
    const { Tty = false, OpenStdin = false, StdinOnce = false } = record.config;
    this.hub = new StdioHub({ poller, tty: Tty, stdin: OpenStdin, closeInput: StdinOnce, alive: () => this.alive });
  }

  get id(): string {
    return this.record.id;
  }

  get up(): boolean {
    return isUp(this.record.phase);
  }

  /** Where the host finds its root file system: a running one's is mounted in its own namespace alone (proc_pid_root(5)). */
  get root(): string {
    return this.up ? `/proc/${this.record.pid}/root` : rootPathsOf(this.paths.directory).merged;
  }

  /** Its root's file system stays until `releaseRoot()`, if it is there still: not that of a run which is ending. */
  holdRoot(path = this.root): void {
    try {
      this.#heldRoot ??= new HeldRoot(path);
    } catch {}
  }

  /** Awaited by who mounts the root again or removes its directories, in which the kernel works until then. */
  releaseRoot(): Promise<void> {
    if (this.#heldRoot) this.#rootReleased = this.#heldRoot.release();
    this.#heldRoot = undefined;
    return this.#rootReleased;
  }

  /** False once its process has ended, be it before anybody said so. */
  get alive(): boolean {
    return !this.up || isAlive(this.record.pid, this.record.pidStart);
  }

  /** Docker's word for where it is. */
  get status(): ContainerStatus {
    const { phase, removing, restarting } = this.record;
    if (phase === "paused" || phase === "running" || phase === "dead") return phase;
    if (restarting) return "restarting";
    if (removing) return "removing";
    return phase === "starting" ? "created" : phase;
  }

  /** Settles with the exit code of the run that is on, or of the next. */
  nextExit(): Promise<number> {
    return new Promise((resolve) => this.#exits.add(resolve));
  }

  removed(): Promise<number> {
    return new Promise((resolve) => this.#removals.add(resolve));
  }

  /** Calls once at the next exit; the result takes it back. */
  onExit(listener: () => void): () => void {
    this.#exits.add(listener);
    return () => this.#exits.delete(listener);
  }

  tellExit(code: number): void {
    const listeners = [...this.#exits];
    this.#exits.clear();
    for (const listener of listeners) listener(code);
  }

  tellRemoved(): void {
    this.tellExit(this.record.exitCode);
    for (const listener of this.#removals) listener(this.record.exitCode);
    this.#removals.clear();
  }
}

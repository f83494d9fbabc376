import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { conflict, internal, invalid, messageOf, newId, notFound } from "#base";
import { processEnv } from "./config.ts";
import { launchExec } from "./conmon.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { parseDetachKeys } from "./detach-keys.ts";
import { notRunning } from "./errors.ts";
import { signalProcess, startTime } from "./proc.ts";
import { capabilitySets, noNewPrivileges, type OciProcess } from "./spec.ts";
import { capabilitiesOf, startExitCode } from "./starting.ts";
import { StdioHub } from "./stdio.ts";
import { resizeTerminal } from "./terminal.ts";
import type { ExecConfig, StdioSession } from "./types.ts";
import { lookupUser, readUserFiles } from "./user.ts";

/** How long, in ms, the result of an exec can be asked for after its end. */
const KEEP_RESULT = 5 * 60_000;
const SIGKILL_EXIT = 137;

/** One `docker exec`: made, started once, ended. */
export class ExecInstance {
  readonly id = newId();
  readonly container: Container;
  readonly config: ExecConfig;
  readonly hub: StdioHub;
  running = false;
  started = false;
  pid = 0;
  exitCode: number | null = null;
  endedAt = 0;

  constructor(container: Container, config: ExecConfig, hub: StdioHub) {
    this.container = container;
    this.config = config;
    this.hub = hub;
  }

  get directory(): string {
    return `${this.container.paths.bundle}/exec/${this.id.slice(0, 32)}`;
  }

  /** The container's end is the end of all in it; conmon's word may still come and win. */
  containerEnded(): void {
    if (this.running) this.exitCode ??= SIGKILL_EXIT;
  }
}

export class Execs {
  readonly #context: Context;
  readonly #byId = new Map<string, ExecInstance>();

  constructor(context: Context) {
    this.#context = context;
  }

  create(container: Container, config: ExecConfig): ExecInstance {
    this.#checkRunning(container);
    if (!config.Cmd?.length) throw invalid("No exec command specified", { code: "no-command" });
    for (const entry of config.Env ?? [])
      if (entry === "" || entry.startsWith("=")) throw invalid(`invalid environment variable: ${entry}`);
    parseDetachKeys(config.DetachKeys);
    const hub = new StdioHub({
      poller: this.#context.poller,
      tty: config.Tty ?? false,
      stdin: config.AttachStdin ?? false,
      closeInput: true,
      alive: () => exec.pid === 0 || startTime(exec.pid) !== undefined,
    });
    const exec: ExecInstance = new ExecInstance(container, config, hub);
    this.#dropOld();
    this.#byId.set(exec.id, exec);
    container.execs.set(exec.id, exec);
    this.#context.emit(`exec_create: ${config.Cmd.join(" ")}`, container, { execID: exec.id });
    return exec;
  }

  #checkRunning(container: Container): void {
    if (container.record.phase === "paused")
      throw conflict(`Container ${container.record.name} is paused, unpause the container before exec`, { code: "paused" });
    if (container.record.restarting && !container.up)
      throw conflict(`Container ${container.id} is restarting, wait until the container is running`, { code: "restarting" });
    if (!container.up) throw notRunning(container.id);
  }

  /** @throws notFound */
  find(id: string): ExecInstance {
    const exec = this.#byId.get(id);
    if (!exec) throw notFound(`No such exec instance: ${id}`, { code: "no-such-exec", context: { id } });
    return exec;
  }

  async start(
    id: string,
    options: { detach: boolean; tty: boolean; consoleSize?: readonly [number, number] | null },
  ): Promise<StdioSession | undefined> {
    const exec = this.find(id);
    if (exec.running) throw conflict(`Error: Exec command ${id} is already running`, { code: "exec-running" });
    if (exec.started) throw conflict(`Error: Exec command ${id} has already run`, { code: "exec-over" });
    this.#checkRunning(exec.container);
    const { config, container } = exec;
    exec.started = true;
    exec.running = true;
    const session = options.detach
      ? undefined
      : exec.hub.session({
          stdin: config.AttachStdin ?? false,
          stdout: config.AttachStdout ?? true,
          stderr: config.AttachStderr ?? true,
          detachKeys: parseDetachKeys(config.DetachKeys),
          onDetach: () => this.#context.emit("exec_detach", container, { execID: id }),
        });
    this.#context.emit(`exec_start: ${config.Cmd!.join(" ")}`, container, { execID: id });
    try {
      await this.#launch(exec, options.consoleSize ?? config.ConsoleSize ?? undefined);
    } catch (error) {
      const words = messageOf(error);
      const failure = internal(`OCI runtime exec failed: ${words}: unknown`, { code: "exec-failed", cause: error });
      exec.exitCode = startExitCode(config.Cmd![0]!, words) === 127 ? 127 : 126;
      // A client that is attached reads the reason, and gets the code by inspecting, as dockerd has it.
      session?.deliver({ stream: "stdout", data: Buffer.from(`${failure.message}\r\n`) });
      await this.#ended(exec);
      if (!session) throw failure;
    }
    return session;
  }

  async #launch(exec: ExecInstance, consoleSize: readonly [number, number] | undefined): Promise<void> {
    const { config, container } = exec;
    const exits = `${exec.directory}/exit`;
    mkdirSync(exits, { recursive: true, mode: 0o711 });
    const processSpec = `${exec.directory}/process.json`;
    const links = container.record.hostConfig.Links?.length ? (await this.#context.engine.openSandbox(container.id)).environment : [];
    writeFileSync(processSpec, JSON.stringify(this.#process(exec, consoleSize, links)));
    const launched = await launchExec({
      conmon: this.#context.conmon,
      runtime: this.#context.runtime,
      id: container.id,
      directory: exec.directory,
      log: "none",
      exitDir: exits,
      tty: config.Tty ?? false,
      stdin: config.AttachStdin ?? false,
      leaveStdinOpen: config.Tty ?? false,
      processSpec,
      beforeStart: () => exec.hub.connect(exec.directory),
    });
    exec.pid = launched.pid;
    void launched.exit.then(async (code) => {
      exec.exitCode = code ?? exec.exitCode ?? SIGKILL_EXIT;
      await this.#ended(exec);
    });
  }

  #process(exec: ExecInstance, consoleSize: readonly [number, number] | undefined, links: readonly string[]): OciProcess {
    const { config, container } = exec;
    const { record } = container;
    const files = readUserFiles(container.root);
    const user = lookupUser(files, config.User || record.config.User || "", record.hostConfig.GroupAdd ?? []);
    const tty = config.Tty ?? false;
    const privileged = config.Privileged ?? false;
    return {
      terminal: tty,
      ...(tty && consoleSize && consoleSize[0] > 0 ? { consoleSize: { height: consoleSize[0], width: consoleSize[1] } } : {}),
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: [...config.Cmd!],
      env: processEnv({ ...record.config, Tty: tty }, record.config.Hostname ?? "", links, config.Env ?? []),
      cwd: config.WorkingDir || record.config.WorkingDir || "/",
      capabilities: capabilitySets(privileged ? this.#context.capabilities : capabilitiesOf(this.#context, record), user.uid),
      noNewPrivileges: noNewPrivileges(record.hostConfig.SecurityOpt, this.#context.defaults.noNewPrivileges),
    };
  }

  async #ended(exec: ExecInstance): Promise<void> {
    exec.running = false;
    exec.endedAt = Date.now();
    await exec.hub.finish();
    rmSync(exec.directory, { recursive: true, force: true });
    this.#context.emit("exec_die", exec.container, { execID: exec.id, exitCode: String(exec.exitCode) });
  }

  resize(id: string, height: number, width: number): void {
    const exec = this.find(id);
    if (!exec.running) throw conflict(`Exec ${id} is not running`, { code: "exec-not-running" });
    resizeTerminal(exec.directory, height, width);
  }

  inspect(id: string): Record<string, unknown> {
    const exec = this.find(id);
    const { config } = exec;
    const [entrypoint = "", ...rest] = config.Cmd ?? [];
    const user = config.User || exec.container.record.config.User;
    return {
      ID: exec.id,
      Running: exec.running,
      ExitCode: exec.running ? null : exec.exitCode,
      ProcessConfig: {
        tty: config.Tty ?? false,
        entrypoint,
        arguments: rest,
        privileged: config.Privileged ?? false,
        ...(user ? { user } : {}),
      },
      OpenStdin: config.AttachStdin ?? false,
      OpenStderr: config.AttachStderr ?? false,
      OpenStdout: config.AttachStdout ?? false,
      // Docker says so only minutes after the end.
      CanRemove: false,
      ContainerID: exec.container.id,
      DetachKeys: config.DetachKeys ?? "",
      Pid: exec.pid,
    };
  }

  /** Ends what a health check has left running too long. */
  kill(id: string): void {
    const exec = this.find(id);
    if (exec.running && exec.pid > 0) signalProcess(exec.pid, 9);
  }

  /** The container is gone, and what is known of its execs with it. */
  forget(containerId: string): void {
    for (const { id, container } of this.#byId.values()) if (container.id === containerId) this.#byId.delete(id);
  }

  /** Nobody will ask for its result. */
  drop(id: string): void {
    this.#byId.get(id)?.container.execs.delete(id);
    this.#byId.delete(id);
  }

  #dropOld(): void {
    const limit = Date.now() - KEEP_RESULT;
    for (const exec of this.#byId.values()) {
      if (!exec.started || exec.running || exec.endedAt > limit) continue;
      this.#byId.delete(exec.id);
      exec.container.execs.delete(exec.id);
    }
  }
}

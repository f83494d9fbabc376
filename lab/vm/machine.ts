import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError, type CommandOptions, type CommandResult, LabProcess } from "../process.ts";
import { type QemuOptions, qemuArguments } from "./qemu.ts";

const GUEST = `${import.meta.dirname}/guest`;

/** What is shown of a script and of its output when it fails. */
const SHOWN = 2000;
const tail = (text: string) => (text.length > SHOWN ? `[…]${text.slice(-SHOWN)}` : text);

/**
 * A virtual machine with Debian's kernel and this machine's file tree, read-only, under a tmpfs. Root in it; only what is on its disk, if it has one,
 * outlives a power cycle.
 */
export class Machine {
  readonly name: string;
  readonly #options: QemuOptions;
  readonly #directory: string;
  #qemu: LabProcess;
  readonly #waiting = new Map<string, (status: number) => void>();
  #port: Socket | undefined;
  #ready = false;
  #jobs = 0;

  private constructor(options: QemuOptions) {
    this.name = options.name;
    this.#options = options;
    this.#directory = options.directory;
    this.#qemu = this.#powerOn();
  }

  #powerOn(): LabProcess {
    const qemu = new LabProcess(["qemu-system-x86_64", ...qemuArguments(this.#options)], { title: `machine ${this.name}` });
    void qemu.ended.then(
      () => this.#settleAll(),
      () => this.#settleAll(),
    );
    return qemu;
  }

  /** Boots it; several may boot at the same time. @param timeout milliseconds. @throws with the end of its console */
  static async boot(options: QemuOptions, timeout = 120_000): Promise<Machine> {
    mkdirSync(`${options.directory}/share/jobs`, { recursive: true });
    for (const file of ["boot.sh", "agent.sh"]) copyFileSync(`${GUEST}/${file}`, `${options.directory}/share/${file}`);
    const machine = new Machine(options);
    await machine.#reachAgent(timeout);
    return machine;
  }

  async #reachAgent(timeout: number): Promise<void> {
    const deadline = performance.now() + timeout;
    while (!this.#ready) {
      if (this.#qemu.code !== undefined || performance.now() > deadline) {
        this.stop();
        throw new Error(`Machine ${this.name} did not boot: ${this.#qemu.stderr}\n${tail(this.console)}`);
      }
      if (!this.#port) this.#connect();
      await sleep(20);
    }
  }

  /** Cuts the power, without a word to the machine, and boots it again with the same cables and disk. @param timeout milliseconds */
  async powerCycle(timeout = 120_000): Promise<void> {
    this.stop();
    await this.stopped;
    this.#port = undefined;
    this.#ready = false;
    this.#qemu = this.#powerOn();
    await this.#reachAgent(timeout);
  }

  /** What its kernel and init have printed since it booted. */
  get console(): string {
    const path = `${this.#directory}/console.log`;
    return existsSync(path) ? readFileSync(path, "latin1") : "";
  }

  /** A path visible here and, as `/run/vmlab/share/<relative>`, in the machine. */
  sharedPath(relative: string): string {
    return `${this.#directory}/share/${relative}`;
  }

  #connect(): void {
    const port = connect(`${this.#directory}/commands.sock`);
    this.#port = port;
    port.on("error", () => {
      if (this.#port === port) this.#port = undefined;
    });
    let pending = "";
    port.setEncoding("latin1").on("data", (text: string) => {
      const lines = (pending + text).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) this.#hear(line.trim().split(" "));
    });
  }

  #hear([verb, job = "", status]: string[]): void {
    if (verb === "ready") this.#ready = true;
    if (verb === "done") this.#settle(job, Number(status));
  }

  #settle(job: string, status: number): void {
    this.#waiting.get(job)?.(status);
    this.#waiting.delete(job);
  }
  #settleAll(): void {
    for (const job of [...this.#waiting.keys()]) this.#settle(job, -1);
  }

  /** Runs a shell script in it as root; calls may overlap. @throws CommandError, or an Error with the console when the machine died */
  async exec(script: string, options: CommandOptions = {}): Promise<CommandResult> {
    const job = `j${++this.#jobs}`;
    const directory = this.sharedPath(`jobs/${job}`);
    mkdirSync(directory);
    const environment = Object.entries(options.env ?? {}).map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`);
    writeFileSync(`${directory}/command`, `${environment.join("")}${script}\n`);
    if (options.input !== undefined) writeFileSync(`${directory}/in`, options.input);
    const done = new Promise<number>((resolve) => this.#waiting.set(job, resolve));
    this.#port?.write(`run ${job}\n`);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#port?.write(`kill ${job}\n`);
      setTimeout(() => this.#settle(job, 137), 10_000).unref();
    }, options.timeout ?? 60_000);
    const code = await done;
    clearTimeout(timer);
    if (this.#qemu.code !== undefined) throw new Error(`Machine ${this.name} died:\n${tail(this.console)}`);
    const read = (file: string) => (existsSync(`${directory}/${file}`) ? readFileSync(`${directory}/${file}`, "utf8") : "");
    const result = { code, stdout: read("out"), stderr: read("err") };
    if (code !== 0 && !options.allowFailure) throw this.#failure(script, result, late);
    return result;
  }

  /** Ends of the output; and of the console, where the kernel tells why something hangs or was killed. */
  #failure(script: string, result: CommandResult, late: boolean): CommandError {
    const console = late || result.code >= 128 ? `\nconsole of ${this.name}:\n${tail(this.console)}` : "";
    const shown = { ...result, stdout: tail(result.stdout), stderr: tail(result.stderr) + console };
    return new CommandError(`[${this.name}] ${tail(script)}`, shown, late);
  }

  /** Standard output of a script, without its last newline. @throws CommandError */
  async sh(script: string, options: CommandOptions = {}): Promise<string> {
    return (await this.exec(script, options)).stdout.trimEnd();
  }

  /** Power off, the hard way. */
  stop(): void {
    this.#port?.destroy();
    this.#qemu.kill("SIGKILL");
  }

  get stopped(): Promise<unknown> {
    return this.#qemu.ended.catch(() => {});
  }
}

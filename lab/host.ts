import { mkdirSync, writeFileSync } from "node:fs";
import { Box } from "./box.ts";
import type { LabCgroups } from "./cgroups.ts";
import { Daemon } from "./daemon.ts";
import { dockerPath } from "./docker-cli.ts";
import { localImage } from "./image.ts";
import type { CommandOptions, CommandResult, LabProcess } from "./process.ts";
import { type HostState, readHostState } from "./state.ts";

export interface HostOptions {
  readonly name: string;
  /** Directory of its own, visible inside and outside. */
  readonly directory: string;
  readonly cgroups: LabCgroups;
  readonly nameservers: readonly string[];
}

export interface DockerOptions extends CommandOptions {
  /** Run the CLI on a terminal. Output then has the terminal's line ends, given back as `\n`. */
  tty?: boolean;
}

const PROJECT = `${import.meta.dirname}/..`;

/** A Linux host of the lab: network, processes, mounts and cgroups of its own, the file tree of the machine. */
export class Host {
  readonly name: string;
  readonly directory: string;
  /** Where the docker CLI of this host connects to. */
  readonly socket: string;
  readonly #box: Box;
  #daemon: Daemon | undefined;

  private constructor(options: HostOptions, box: Box) {
    this.name = options.name;
    this.directory = options.directory;
    this.socket = `${options.directory}/docker.sock`;
    this.#box = box;
  }

  static async start(options: HostOptions): Promise<Host> {
    const { name, directory, cgroups } = options;
    mkdirSync(`${directory}/data`, { recursive: true });
    mkdirSync(`${directory}/home`);
    writeFileSync(`${directory}/resolv.conf`, options.nameservers.map((address) => `nameserver ${address}\n`).join(""));
    writeFileSync(`${directory}/hosts`, `127.0.0.1\tlocalhost\n127.0.1.1\t${name}\n`);
    const setup = [
      "mount -t tmpfs -o mode=755 tmpfs /run; mkdir -p /run/lock",
      // On a tmpfs, images and layers are gone with the host, and overlayfs works even where the machine's root is an overlay.
      `mount -t tmpfs tmpfs ${directory}/data`,
      "if [ -d /etc/docker ]; then mount -t tmpfs tmpfs /etc/docker; fi",
      `r=$(readlink -m /etc/resolv.conf); mkdir -p "$(dirname "$r")"; [ -e "$r" ] || touch "$r"; mount --bind ${directory}/resolv.conf "$r"`,
      `mount --bind ${directory}/hosts /etc/hosts`,
      cgroups.mountScript(),
    ].join("\n");
    return new Host(options, await Box.start({ name, setup, cgroups: cgroups.add(name) }));
  }

  /** Process id, as seen from outside, whose `/proc/<pid>/ns` holds its namespaces. */
  get pid(): number {
    return this.#box.pid;
  }
  get daemon(): Daemon {
    if (!this.#daemon) throw new Error(`Host ${this.name} has no daemon: start one first`);
    return this.#daemon;
  }

  exec(command: string | readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return this.#box.exec(command, options);
  }
  /** Standard output of a command. @throws CommandError */
  sh(command: string | readonly string[], options?: CommandOptions): Promise<string> {
    return this.#box.sh(command, options);
  }
  spawn(command: string | readonly string[], options?: { env?: Readonly<Record<string, string>> }): LabProcess {
    return this.#box.spawn(command, options);
  }

  #environment() {
    const home = `${this.directory}/home`;
    return { DOCKER_HOST: `unix://${this.socket}`, HOME: home, DOCKER_CONFIG: `${home}/.docker`, PATH: dockerPath() };
  }

  /** Starts this checkout's fairwayd and waits until it serves. `flags` are added to the lab's own. */
  startDaemon(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const own = ["--data-root", `${this.directory}/data/fairway`, "--exec-root", "/run/fairway", "--pidfile", "/run/fairway.pid"];
    return this.#start([`${PROJECT}/bin/fairwayd`, "-H", `unix://${this.socket}`, ...own, ...flags], env);
  }

  /** Starts Debian's dockerd, the reference, in the same way. */
  startDockerd(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const own = ["--data-root", `${this.directory}/data/docker`, "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid"];
    return this.#start(["dockerd", "-H", `unix://${this.socket}`, ...own, ...flags], env);
  }

  async #start(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<Daemon> {
    const options = { box: this.#box, argv, socket: this.socket, logPath: `${this.directory}/daemon.log`, env, startTimeout: 60_000 };
    this.#daemon = await Daemon.start(options);
    return this.#daemon;
  }

  /** Runs the docker CLI in this host. A string is typed to a shell: `host.docker("run --rm busybox ip addr")`. @throws CommandError */
  async docker(args: string | readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    const env = { ...this.#environment(), ...options.env };
    if (!options.tty) return this.#box.exec(typeof args === "string" ? `docker ${args}` : ["docker", ...args], { ...options, env });
    const command = typeof args === "string" ? args : args.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const result = await this.#box.exec(["script", "-qefc", `docker ${command}`, "/dev/null"], {
      ...options,
      keepInputOpen: options.input === undefined,
      env: { TERM: "xterm", ...env },
    });
    return { ...result, stdout: result.stdout.replaceAll("\r\n", "\n") };
  }

  /** What the docker CLI prints, without the last newline. @throws CommandError */
  async dockerOutput(args: string | readonly string[], options?: DockerOptions): Promise<string> {
    return (await this.docker(args, options)).stdout.trimEnd();
  }

  /** Starts the docker CLI and leaves it running (`docker logs -f`, `docker events`). */
  dockerSpawn(args: string): LabProcess {
    return this.#box.spawn(`docker ${args}`, { env: this.#environment() });
  }

  /** Starts the docker CLI on a terminal for a session: `docker run -it`. */
  dockerTerminal(args: string): LabProcess {
    return this.#box.terminal(`docker ${args}`, { env: this.#environment() });
  }

  /** Imports the locally made image under a name: there is no registry in the lab. */
  async importBusybox(reference = "busybox:latest"): Promise<void> {
    await this.docker(["import", "-c", 'CMD ["sh"]', localImage(), reference]);
  }

  /** Links, mounts, namespaces, processes and firewall of this host, to compare before and after. */
  state(): Promise<HostState> {
    return readHostState((command) => this.sh(command), this.pid);
  }

  destroy(): void {
    this.#box.destroy();
  }
}

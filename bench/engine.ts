import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { promisify } from "node:util";
import type { Daemon, Host } from "#lab";
import { ApiClient } from "./client.ts";

export type EngineName = "fairway" | "fairway-crun" | "dockerd";

export interface Memory {
  /** Proportional set size, octets. */
  readonly pss: number;
  /** Resident set size, octets. */
  readonly rss: number;
}

const run = promisify(execFile);

/** A daemon under measurement, on a host of its own. */
export class Engine {
  readonly name: EngineName;
  readonly host: Host;
  readonly #client: ApiClient;

  constructor(name: EngineName, host: Host) {
    this.name = name;
    this.host = host;
    this.#client = new ApiClient(host.socket);
  }

  get daemon(): Daemon {
    return this.host.daemon;
  }

  /** One API request that must succeed. @returns its JSON, or undefined when there is none. @throws with the daemon's message */
  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.#client.send(method, path, body);
    if (answer.status >= 400) throw new Error(`${this.name}: ${method} ${path} gave ${answer.status}: ${answer.text}`);
    return (answer.text === "" ? undefined : JSON.parse(answer.text)) as T;
  }

  async restart(): Promise<void> {
    this.#client.close();
    await this.daemon.restart();
  }

  async createNetwork(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return (await this.call<{ Id: string }>("POST", "/networks/create", { Name: name, CheckDuplicate: true, ...more })).Id;
  }

  /** Creates a container of the busybox image; `ports` are PortBindings. */
  async createContainer(
    name: string,
    command: readonly string[],
    options: { network?: string; ports?: Readonly<Record<string, readonly object[]>> } = {},
  ): Promise<string> {
    const ports = options.ports ?? {};
    const exposed = Object.fromEntries(Object.keys(ports).map((port) => [port, {}]));
    const host = { NetworkMode: options.network ?? "bridge", PortBindings: ports };
    const body = { Image: "busybox", Cmd: command, ExposedPorts: exposed, HostConfig: host };
    return (await this.call<{ Id: string }>("POST", `/containers/create?name=${name}`, body)).Id;
  }

  async startContainer(name: string, command: readonly string[], options: Parameters<Engine["createContainer"]>[2] = {}): Promise<string> {
    const id = await this.createContainer(name, command, options);
    await this.call("POST", `/containers/${id}/start`);
    return id;
  }

  async removeContainer(id: string): Promise<void> {
    await this.call("DELETE", `/containers/${id}?force=1`);
  }

  /** Process id on this side of a container's first process. */
  async containerPid(id: string): Promise<number> {
    const inner = (await this.call<{ State: { Pid: number } }>("GET", `/containers/${id}/json`)).State.Pid;
    const own = readlinkSync(`/proc/${this.host.pid}/ns/pid`);
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const numbers = /^NSpid:\s+(.+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]?.split("\t") ?? [];
        // The last but one is the number in the host's own pid namespace.
        if (Number(numbers.at(-2)) === inner && parentNamespace(pid) === own) return Number(pid);
      } catch {
        // Ended while we looked.
      }
    }
    throw new Error(`${this.name}: no process ${inner} of container ${id}`);
  }

  /** The unmodified docker CLI, started from here so that nothing is timed but itself and the daemon. */
  async docker(...args: readonly string[]): Promise<string> {
    const env = { PATH: process.env.PATH, HOME: this.host.directory, DOCKER_HOST: `unix://${this.host.socket}` };
    return (await run("docker", args, { env, timeout: 60_000 })).stdout;
  }

  /** Memory of the daemon and its standing helpers: containerd counts, shims and conmon, one a container, do not. */
  memory(): Memory {
    return this.#sum((command) => /fairwayd|dockerd|containerd --config/.test(command) && !command.includes("containerd-shim"));
  }

  /** Memory of everything that runs for the daemon and its containers, but the containers themselves. */
  memoryOfAll(): Memory {
    return this.#sum((command) => /fairwayd|dockerd|docker-proxy|containerd|conmon/.test(command));
  }

  /** Processes of the host, whatever they are. */
  processes(): number {
    let count = 0;
    this.#each(() => count++);
    return count;
  }

  #sum(wanted: (command: string) => boolean): Memory {
    let pss = 0;
    let rss = 0;
    this.#each((pid) => {
      if (!wanted(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "))) return;
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      pss += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
      rss += Number(/^Rss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
    });
    return { pss, rss };
  }

  /** Visits the processes of the host's own pid namespace. */
  #each(visit: (pid: string) => void): void {
    const own = readlinkSync(`/proc/${this.host.pid}/ns/pid`);
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (readlinkSync(`/proc/${pid}/ns/pid`) === own) visit(pid);
      } catch {
        // Ended while we looked.
      }
    }
  }
}

/** The pid namespace that the parent of a process is in: for a container's first process, its host's. */
function parentNamespace(pid: string): string {
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return readlinkSync(`/proc/${parent}/ns/pid`);
}

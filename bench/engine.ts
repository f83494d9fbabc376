import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { ApiAnswer, Daemon, Host } from "#lab";

export type EngineName = "fairway" | "dockerd";

/** A daemon under measurement, on a host of its own. */
export class Engine {
  readonly name: EngineName;
  readonly host: Host;

  constructor(name: EngineName, host: Host) {
    this.name = name;
    this.host = host;
  }

  get daemon(): Daemon {
    return this.host.daemon;
  }

  /** One API request that must succeed. @returns its JSON, or undefined when there is none */
  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const answer: ApiAnswer = await this.daemon.api(method, path, body);
    if (answer.status >= 400) throw new Error(`${this.name}: ${method} ${path} gave ${answer.status}: ${answer.text}`);
    return (answer.text === "" ? undefined : JSON.parse(answer.text)) as T;
  }

  async createNetwork(name: string): Promise<string> {
    return (await this.call<{ Id: string }>("POST", "/networks/create", { Name: name, CheckDuplicate: true })).Id;
  }

  async createContainer(name: string, command: readonly string[], network = "bridge"): Promise<string> {
    const body = { Image: "busybox", Cmd: command, HostConfig: { NetworkMode: network } };
    return (await this.call<{ Id: string }>("POST", `/containers/create?name=${name}`, body)).Id;
  }

  async removeContainer(id: string): Promise<void> {
    await this.call("DELETE", `/containers/${id}?force=1`);
  }

  /** Proportional memory of the daemon and its standing helpers (containerd, not shims or conmon), in bytes. */
  memory(): number {
    const own = readlinkSync(`/proc/${this.host.pid}/ns/pid`);
    let total = 0;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (readlinkSync(`/proc/${pid}/ns/pid`) !== own) continue;
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        if (!/fairwayd|dockerd|containerd --config/.test(command) || /containerd-shim/.test(command)) continue;
        const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
        total += Number(pss ?? 0) * 1024;
      } catch {
        // Ended while we looked.
      }
    }
    return total;
  }
}

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { rivalsOf } from "./socket-diag.ts";

/**
 * The program of the host that holds one of the ports, `nginx (pid 812)`: a look at every descriptor there is, for when something has failed already.
 * Undefined where none is seen: the kernel itself, or a process of a pid namespace that is not below ours.
 */
export function portHolder(proto: "tcp" | "udp", address: string, from: number, to: number): string | undefined {
  return socketHolder(rivalsOf(proto, address, from, to).map(({ inode }) => inode));
}

/** The same for sockets by their inodes. */
export function socketHolder(inodes: readonly number[]): string | undefined {
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (!holdsOne(pid, sockets)) continue;
      return `${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (pid ${pid})`;
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

const holdsOne = (pid: string, sockets: ReadonlySet<string>): boolean =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));

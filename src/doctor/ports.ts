import { type Check, fail, ok } from "./check.ts";
import type { HostFiles } from "./host/files.ts";

/** A port of the host that leads to a container. */
export interface PublishedPort {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly port: number;
  readonly container: string;
}

/** tcp(7), udp: st 0A is LISTEN, 07 an unconnected UDP socket. */
const LISTENING = { tcp: "0A", udp: "07" } as const;

/**
 * Sockets of others that listen where a published port leads away: their clients end in the container.
 * @param own inodes of the daemon's sockets
 * @param holder names the program of a socket, `nginx (pid 812)`
 */
export function portChecks(
  files: HostFiles,
  published: readonly PublishedPort[],
  own: ReadonlySet<string>,
  holder: (inode: number) => string | undefined,
): Check[] {
  const conflicts: string[] = [];
  for (const proto of ["tcp", "udp"] as const) {
    const holders = new Map(published.filter((each) => each.proto === proto).map(({ port, container }) => [port, container]));
    if (holders.size === 0) continue;
    for (const table of [proto, `${proto}6`])
      for (const line of (files.read(`/proc/net/${table}`) ?? "").split("\n").slice(1)) {
        const [, local = "", , state = "", , , , , , inode = ""] = line.trim().split(/\s+/);
        const port = Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16);
        const container = holders.get(port);
        if (container !== undefined && state === LISTENING[proto] && !own.has(inode))
          conflicts.push(`${port}/${proto} (published by ${container}, listened on by ${holder(Number(inode)) ?? `socket ${inode}`})`);
      }
  }
  if (conflicts.length === 0) return [ok("ports", `${published.length} published ports, none of them listened on by others.`)];
  const finding = `Another process listens on published ports, and its clients reach the container instead: ${conflicts.join(", ")}.`;
  return [fail("ports", finding, "stop that program, or publish another port")];
}

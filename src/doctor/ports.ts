import { type Check, fail, ok } from "./check.ts";

/** A port of the host that leads to a container. */
export interface PublishedPort {
  readonly proto: "tcp" | "udp" | "sctp";
  /** `0.0.0.0`, `::`, an address of the host's, or a container's own on a LAN. */
  readonly address: string;
  readonly port: number;
  readonly container: string;
}

/** What the check asks of the host. */
export interface HostSockets {
  /** Whether packets to an address reach the host itself. */
  isLocal(address: string): boolean;
  /** Sockets that keep ports of an address from being bound: `rivalsOf()` of fabric. */
  rivals(
    proto: "tcp" | "udp",
    address: string,
    from: number,
    to: number,
  ): readonly { readonly port: number; readonly inode: number; readonly connected: boolean }[];
  /** A socket of the daemon's. */
  isOwn(inode: number): boolean;
  /** Names the program of a socket, `nginx (pid 812)`. */
  holder(inode: number): string | undefined;
}

/** Sockets of others that listen where a published port leads away: their clients end in the container. */
export function portChecks(published: readonly PublishedPort[], sockets: HostSockets): Check[] {
  const conflicts = new Map<number, string>();
  const places = Map.groupBy(published, ({ proto, address }) => `${proto} ${address}`);
  for (const ports of places.values()) {
    const { proto, address } = ports[0]!;
    // The kernel does not list SCTP's sockets this way.
    if (proto === "sctp" || !sockets.isLocal(address)) continue;
    const containers = new Map(ports.map(({ port, container }) => [port, container]));
    for (const { port, inode, connected } of sockets.rivals(proto, address, 1, 65535)) {
      const container = containers.get(port);
      if (container === undefined || connected || sockets.isOwn(inode)) continue;
      const listener = sockets.holder(inode) ?? `socket ${inode}`;
      conflicts.set(inode, `${port}/${proto} (published by ${container}, listened on by ${listener})`);
    }
  }
  if (conflicts.size === 0) return [ok("ports", `${published.length} published ports, none of them listened on by others.`)];
  const finding = `Another process listens on published ports, and its clients reach the container instead: ${[...conflicts.values()].join(", ")}.`;
  return [fail("ports", finding, "stop that program, or publish another port")];
}

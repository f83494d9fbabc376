import { chownSync, existsSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import { connect, type Server as NetServer } from "node:net";
import { dirname } from "node:path";
import { conflict, invalid, type Log, messageOf } from "#base";

/** One `-H`, taken apart. */
export type Host =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

const DEFAULT_SOCKET = "/var/run/docker.sock";
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
/** Longest path a `sockaddr_un` holds on Linux, its NUL left out. */
const MAX_SOCKET_PATH = 107;

/** Parses `unix:///path`, `tcp://host:port`, a bare `host:port`. @throws invalidParameter naming what is wrong */
export function parseHost(text: string, tls: boolean): Host {
  const trimmed = text.trim();
  if (trimmed === "") return { kind: "unix", path: DEFAULT_SOCKET };
  if (trimmed.startsWith("unix://")) {
    const path = trimmed.slice("unix://".length) || DEFAULT_SOCKET;
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
      throw invalid(
        `invalid bind address (${text}): a socket path has at most ${MAX_SOCKET_PATH} bytes, this one ${Buffer.byteLength(path)}`,
      );
    return { kind: "unix", path };
  }
  if (trimmed.startsWith("fd://"))
    throw invalid(`invalid bind address (${text}): sockets handed over by systemd are not supported; use unix:///path in place of fd://`);
  const address = trimmed.replace(/^tcp:\/\//, "");
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/[\]]*)(?::(\d{0,5}))?\/?$/.exec(address);
  if (!match || address.includes("://")) throw invalid(`invalid bind address (${text}): want unix:///path or tcp://host:port`);
  const port = match[2] ? Number(match[2]) : tls ? 2376 : 2375;
  if (port > 65535) throw invalid(`invalid bind address (${text}): port ${port} is above 65535`);
  return { kind: "tcp", host: match[1]!.replace(/^\[|\]$/g, "") || (tls ? "0.0.0.0" : "127.0.0.1"), port };
}

/** Without TLS whoever reaches the port is root: only the machine itself may. @throws invalidParameter */
export function checkTcpSafety(host: Host & { kind: "tcp" }, tls: boolean, log: Log): void {
  if (tls) return;
  if (!LOOPBACK.test(host.host))
    throw invalid(
      `Cannot listen on tcp://${host.host}:${host.port} without TLS: anyone who reaches it would be root here. Give --tlsverify, --tlscacert, --tlscert and --tlskey, or listen on 127.0.0.1`,
      { code: "tcp-without-tls", context: { host: host.host, port: host.port } },
    );
  log.warn("[DEPRECATION NOTICE] API is accessible on a loopback address without TLS: every local user is root through it", {
    host: `tcp://${host.host}:${host.port}`,
  });
}

/** Removes a socket whose daemon is gone. @throws conflict when one still answers, or when the file is no socket */
export async function clearStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isSocket()) throw conflict(`Cannot listen on unix://${path}: it exists and is no socket`, { code: "not-a-socket" });
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    // EAGAIN is a live daemon with a full backlog; only a refusal proves that nobody listens.
    probe.on("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"));
  });
  if (alive) throw conflict(`Cannot listen on unix://${path}: another daemon answers there`, { code: "socket-in-use" });
  unlinkSync(path);
}

/** Id of a group by name or number. @returns undefined when there is no such group */
export function groupId(group: string, groupFile = "/etc/group"): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync(groupFile, "utf8").split("\n")) {
    const [name, , id] = line.split(":");
    if (name === group && id !== undefined) return Number(id);
  }
  return undefined;
}

/** Hands a socket to a group. `docker` is only a default: a machine without that group keeps its socket to root. @throws invalidParameter */
export function giveToGroup(path: string, group: string | undefined, log: Log): void {
  const id = groupId(group ?? "docker");
  if (id === undefined) {
    if (group !== undefined && group !== "docker")
      throw invalid(`Cannot give unix://${path} to group ${JSON.stringify(group)}: there is no such group`, { code: "no-such-group" });
    log.debug("No group docker here: the socket is for root alone", { path });
    return;
  }
  try {
    chownSync(path, process.getuid?.() ?? 0, id);
  } catch (error) {
    throw invalid(`Cannot give unix://${path} to group ${group ?? "docker"}: ${messageOf(error)}`, { code: "chown", cause: error });
  }
}

/** Starts listening. A socket file is born with mode 0660: the umask is set while bind runs, which is synchronous for paths. */
export function listenOn(server: NetServer, host: Host): Promise<void> {
  return new Promise((resolve, reject) => {
    const where = host.kind === "unix" ? `unix://${host.path}` : `tcp://${host.host}:${host.port}`;
    // libuv would call it a lack of permission.
    if (host.kind === "unix" && !existsSync(dirname(host.path)))
      return reject(conflict(`Cannot listen on ${where}: there is no directory ${dirname(host.path)}`, { code: "no-directory" }));
    server.once("error", (error) => reject(conflict(`Cannot listen on ${where}: ${messageOf(error)}`, { code: "listen", cause: error })));
    if (host.kind === "tcp") server.listen({ host: host.host, port: host.port }, resolve);
    else {
      const before = process.umask(0o117);
      try {
        server.listen(host.path, resolve);
      } finally {
        process.umask(before);
      }
    }
  });
}

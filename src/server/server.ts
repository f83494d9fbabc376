import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf } from "#base";
import { Dispatcher } from "./dispatch.ts";
import { EventHub } from "./events.ts";
import { allHandlers } from "./handlers.ts";
import { encodeJson } from "./json.ts";
import { checkTcpSafety, clearStaleSocket, giveToGroup, type Host, listenOn, parseHost } from "./listen.ts";
import type { Server, ServerDependencies } from "./types.ts";

/** Go's limit on request headers; Docker's filters and registry credentials travel there. */
const MAX_HEADER_BYTES = 1 << 20;
const HEADERS_TIMEOUT_MS = 30_000;
/** How long `close` lets answers that are under way finish. */
const CLOSE_GRACE_MS = 1000;

/** The Engine API over HTTP. Nothing listens before `listen`. */
export function createServer(dependencies: ServerDependencies): Server {
  return new ApiServer(dependencies);
}

class ApiServer implements Server {
  readonly #dependencies: ServerDependencies;
  readonly #events: EventHub;
  readonly #dispatcher: Dispatcher;
  readonly #servers: http.Server[] = [];
  readonly #sockets = new Set<Socket>();

  constructor(dependencies: ServerDependencies) {
    const { info, log, extensions, bodyLimit } = dependencies;
    this.#dependencies = dependencies;
    this.#events = new EventHub(dependencies);
    this.#dispatcher = new Dispatcher({
      handlers: allHandlers({ ...dependencies, events: this.#events }),
      extensions: extensions ?? {},
      log,
      serverName: `Fairway/${info().version} (linux)`,
      experimental: () => info().experimental,
      ...(bodyLimit === undefined ? {} : { bodyLimit }),
    });
  }

  async listen(hosts: readonly string[]): Promise<readonly string[]> {
    const { tls, log } = this.#dependencies;
    const parsed = hosts.map((host) => parseHost(host, tls !== undefined));
    for (const host of parsed) if (host.kind === "tcp") checkTcpSafety(host, tls !== undefined, log);
    const opened: string[] = [];
    try {
      for (const host of parsed) opened.push(await this.#open(host));
    } catch (error) {
      await this.close();
      throw error;
    }
    return opened;
  }

  async close(): Promise<void> {
    const servers = this.#servers.splice(0);
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#dispatcher.abort();
    this.#events.close();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, CLOSE_GRACE_MS);
    for (const server of servers) server.closeIdleConnections();
    await Promise.all(closed);
    clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  publish({ action, attributes }: { action: string; attributes?: Readonly<Record<string, string>> }): void {
    const { id, name } = this.#dependencies.info();
    this.#events.publish({ type: "daemon", action, id, attributes: { name, ...attributes } });
  }

  async #open(host: Host): Promise<string> {
    const server = this.#make(host);
    if (host.kind === "unix") await clearStaleSocket(host.path);
    await listenOn(server, host);
    this.#servers.push(server);
    if (host.kind === "unix") {
      giveToGroup(host.path, this.#dependencies.group, this.#dependencies.log);
      return `unix://${host.path}`;
    }
    const { address, port, family } = server.address() as AddressInfo;
    return family === "IPv6" ? `tcp://[${address}]:${port}` : `tcp://${address}:${port}`;
  }

  #make(host: Host): http.Server {
    const { tls, log } = this.#dependencies;
    const options: http.ServerOptions = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      // A tar may take hours to upload.
      requestTimeout: 0,
      keepAliveTimeout: 60_000,
      // Finds tcp clients that vanished without a word.
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      shouldUpgradeCallback: (request) => this.#dispatcher.mayUpgrade(request),
    };
    const server: http.Server =
      host.kind === "tcp" && tls
        ? https.createServer({
            ...options,
            ...tls,
            // As http.Server has it: a client that has nothing for a process's stdin ends its half, and waits for the output.
            allowHalfOpen: true,
            requestCert: tls.ca !== undefined,
            rejectUnauthorized: tls.ca !== undefined,
            minVersion: "TLSv1.2",
          })
        : http.createServer(options);
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("request", (request, response) => void this.#dispatcher.handle(request, response));
    server.on(
      "upgrade",
      (request: http.IncomingMessage, socket: Duplex, head: Uint8Array) => void this.#dispatcher.upgrade(request, socket, head),
    );
    server.on("clientError", (error: Error & { code?: string }, socket: Duplex) => {
      log.debug("Bad request line or headers", { error: messageOf(error) });
      refuse(socket, error.code);
    });
    return server;
  }
}

/** Answers what is no HTTP at all. */
function refuse(socket: Duplex, code: string | undefined): void {
  if (!socket.writable || code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, message] =
    code === "HPE_HEADER_OVERFLOW"
      ? ["431 Request Header Fields Too Large", "request headers are too large"]
      : ["400 Bad Request", "malformed HTTP request"];
  const text = encodeJson({ message });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

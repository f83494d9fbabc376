import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import type { Log } from "#base";
import { type DatagramPort, NodeDatagramPort, type Peer } from "./datagram.ts";
import { decodeName, keyToText } from "./name.ts";
import type { QueryLogEntry } from "./query-log.ts";
import { FORWARD, type SandboxResolver } from "./resolver.ts";
import { STREAM_LIMITS, StreamConnection, type StreamLimits } from "./stream.ts";
import { HEADER_LENGTH, rcodeName, typeName } from "./wire.ts";

export interface DnsServerOptions {
  readonly resolver: SandboxResolver;
  /** A bound UDP descriptor, or what stands for one. Owned by the server from here on. */
  readonly udp: number | DatagramPort;
  /** A bound and listening TCP descriptor, or a server that listens already. */
  readonly tcp: number | Server;
  readonly log?: Log;
  readonly limits?: Partial<StreamLimits>;
}

/** The embedded DNS of one sandbox: its two sockets, opened in its namespace by someone else, joined to its resolver. */
export class DnsServer {
  readonly resolver: SandboxResolver;
  readonly #udp: DatagramPort;
  readonly #tcp: Server;
  readonly #tcpSource: number | Server;
  readonly #limits: StreamLimits;
  readonly #log: Log | undefined;
  readonly #connections = new Set<StreamConnection>();
  readonly #listeners = new Set<(entry: QueryLogEntry) => void>();
  #closed = false;

  constructor(options: DnsServerOptions) {
    this.resolver = options.resolver;
    this.#log = options.log;
    this.#limits = { ...STREAM_LIMITS, ...options.limits };
    this.#udp = typeof options.udp === "number" ? new NodeDatagramPort(options.udp) : options.udp;
    this.#tcpSource = options.tcp;
    this.#tcp = typeof options.tcp === "number" ? createServer({ allowHalfOpen: true }) : options.tcp;
  }

  /** Serves from when it resolves. @rejects when a descriptor cannot be taken over; `close()` it then too */
  async start(): Promise<void> {
    await this.#udp.start(this, (error) => this.#log?.warn("dns: udp socket", { error, sandbox: this.resolver.spec.sandboxId }));
    this.#tcp.on("connection", (socket: TcpSocket) => this.#accept(socket));
    if (typeof this.#tcpSource !== "number") return;
    const fd = this.#tcpSource;
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once("error", reject);
      this.#tcp.listen({ fd, exclusive: true }, () => {
        this.#tcp.off("error", reject);
        resolve();
      });
    });
  }

  /** Closes both sockets, every connection and the resolver. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.resolver.close();
    this.#udp.close();
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
  }

  /** The query log: every query from now on, until the returned function is called. Costs nothing while nobody listens. */
  observe(listener: (entry: QueryLogEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The `DatagramReceiver` of the UDP port. */
  receive(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number, room: number, peer: () => Peer): number {
    const started = this.#listeners.size > 0 ? performance.now() : 0;
    let length: number;
    try {
      length = this.resolver.answer(from, start, end, into, at, room, false);
    } catch (error) {
      // One container's packet must not end the daemon, whatever mistake of ours it finds.
      this.#log?.error("dns: query", { error, sandbox: this.resolver.spec.sandboxId });
      return 0;
    }
    if (length !== FORWARD) {
      if (started > 0 && length > 0) this.#tell("udp", into.subarray(at, at + length), undefined, started);
      return length;
    }
    const client = peer();
    this.resolver.forward(from, false).then(
      (result) => {
        if (!result || this.#closed) return;
        if (started > 0) this.#tell("udp", result.answer, result.upstream, started);
        this.#sendLater(result.answer, client);
      },
      (error) => this.#log?.error("dns: forward", { error, sandbox: this.resolver.spec.sandboxId }),
    );
    return 0;
  }

  #sendLater(answer: Uint8Array, client: Peer): void {
    try {
      this.#udp.send(answer, client);
    } catch (error) {
      // A firewall in the container (EPERM), or no memory: the client asks again.
      this.#log?.debug("dns: send", { error, sandbox: this.resolver.spec.sandboxId });
    }
  }

  #accept(socket: TcpSocket): void {
    if (this.#closed) return void socket.destroy();
    if (this.#connections.size >= this.#limits.maxConnections) {
      const [oldest] = this.#connections;
      oldest?.destroy();
      if (oldest) this.#connections.delete(oldest);
    }
    const connection: StreamConnection = new StreamConnection(socket, this.#limits, (query) => {
      // A set keeps the order of insertion: the first is the one idle longest.
      this.#connections.delete(connection);
      this.#connections.add(connection);
      try {
        return this.#answerStream(query);
      } catch (error) {
        this.#log?.error("dns: query", { error, sandbox: this.resolver.spec.sandboxId });
        return undefined;
      }
    });
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
  }

  #answerStream(query: Buffer): Uint8Array | Promise<Uint8Array | undefined> | undefined {
    const started = this.#listeners.size > 0 ? performance.now() : 0;
    const answer = this.resolver.answerStream(query);
    if (answer === 0) return undefined;
    if (answer !== FORWARD) {
      if (started > 0) this.#tell("tcp", answer, undefined, started);
      return answer;
    }
    return this.resolver.forward(query, true).then((result) => {
      if (result && started > 0) this.#tell("tcp", result.answer, result.upstream, started);
      return result?.answer;
    });
  }

  #tell(transport: "udp" | "tcp", answer: Uint8Array, upstream: string | undefined, started: number): void {
    const message = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
    const name = message.readUInt16BE(4) === 1 ? decodeName(message, HEADER_LENGTH, message.length) : undefined;
    const entry: QueryLogEntry = {
      time: new Date(),
      transport,
      name: name ? keyToText(name.key) : "",
      type: name ? typeName(message.readUInt16BE(name.next)) : "",
      rcode: rcodeName(message[3]! & 0xf),
      answers: message.readUInt16BE(6),
      upstream,
      milliseconds: performance.now() - started,
    };
    for (const listener of this.#listeners) listener(entry);
  }
}

import type { Socket } from "node:net";

/** DNS over TCP as RFC 7766 has it: two octets of length before each message, several queries in flight, answers in any order. */
export interface StreamLimits {
  /** Connections at once; the one idle longest makes room for a new one. */
  readonly maxConnections: number;
  /** Milliseconds without a query or an answer. */
  readonly idleTimeout: number;
  /** Longest query taken; a longer one ends the connection. */
  readonly maxQuery: number;
  /** Unanswered queries of one connection; it is not read from meanwhile. */
  readonly maxPending: number;
  /** Octets of answers the client has not read before the connection is ended. */
  readonly maxUnread: number;
}

export const STREAM_LIMITS: StreamLimits = { maxConnections: 32, idleTimeout: 10_000, maxQuery: 4096, maxPending: 64, maxUnread: 1 << 20 };

/** Answers one query: at once, later, or not at all (the connection is ended: what came was no query). */
export type StreamHandler = (query: Buffer) => Uint8Array | Promise<Uint8Array | undefined> | undefined;

/** One client's connection. */
export class StreamConnection {
  readonly #socket: Socket;
  readonly #limits: StreamLimits;
  readonly #handler: StreamHandler;
  #rest: Buffer | undefined;
  #pending = 0;
  #ended = false;

  constructor(socket: Socket, limits: StreamLimits, handler: StreamHandler) {
    this.#socket = socket;
    this.#limits = limits;
    this.#handler = handler;
    socket.setNoDelay(true);
    socket.setTimeout(limits.idleTimeout, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("data", (data: Buffer) => this.#take(data));
    // A client may close its side and still wait for its answers.
    socket.on("end", () => {
      this.#ended = true;
      if (this.#pending === 0) socket.end();
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(data: Buffer): void {
    let buffer = this.#rest ? Buffer.concat([this.#rest, data]) : data;
    this.#rest = undefined;
    while (buffer.length >= 2) {
      const length = buffer.readUInt16BE(0);
      if (length > this.#limits.maxQuery) {
        this.destroy();
        return;
      }
      if (buffer.length < 2 + length) break;
      if (this.#pending >= this.#limits.maxPending) {
        this.#socket.pause();
        break;
      }
      this.#serve(buffer.subarray(2, 2 + length));
      buffer = buffer.subarray(2 + length);
      if (this.#socket.destroyed) return;
    }
    if (buffer.length > 0) this.#rest = buffer === data ? data : Buffer.from(buffer);
  }

  #serve(query: Buffer): void {
    const answer = this.#handler(query);
    if (!(answer instanceof Promise)) {
      if (answer) this.#send(answer);
      else this.destroy();
      return;
    }
    this.#pending++;
    const failed = (): undefined => undefined;
    answer.catch(failed).then((later) => {
      this.#pending--;
      if (later) this.#send(later);
      else this.destroy();
      if (this.#ended && this.#pending === 0) this.#socket.end();
      if (!this.#socket.isPaused()) return;
      this.#socket.resume();
      this.#take(Buffer.alloc(0));
    });
  }

  #send(answer: Uint8Array): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    if (this.#socket.writableLength > this.#limits.maxUnread) {
      this.destroy();
      return;
    }
    const framed = Buffer.allocUnsafe(2 + answer.length);
    framed.writeUInt16BE(answer.length, 0);
    framed.set(answer, 2);
    this.#socket.write(framed);
  }
}

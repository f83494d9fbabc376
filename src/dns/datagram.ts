import { createSocket, type Socket } from "node:dgram";
import { UDP_MAX_ANSWER } from "./wire.ts";

/** Who sent a datagram. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** Takes one datagram at a time. */
export interface DatagramReceiver {
  /**
   * The datagram is `from[start, end)`. An answer that is ready is written into `into` at `at`, at most `room` octets, and its length returned; 0 for
   * none, or for one that is sent later to `peer()`, which must be called now if it will be needed.
   */
  receive(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number, room: number, peer: () => Peer): number;
}

/**
 * One bound UDP socket as the server uses it. Node's own is below. An implementation on recvmmsg(2) and sendmmsg(2), which takes and answers many
 * datagrams a system call, does about twice as many queries a second; it is handed in by who may call the kernel.
 */
export interface DatagramPort {
  /** Receives from when it returns or resolves. @rejects when the descriptor cannot be taken over */
  start(receiver: DatagramReceiver, onError: (error: Error) => void): void | Promise<void>;
  send(data: Uint8Array, peer: Peer): void;
  close(): void;
}

/** A `DatagramPort` on node's dgram. The descriptor is bound already and belongs to the port from here on. */
export class NodeDatagramPort implements DatagramPort {
  readonly #socket: Socket;
  readonly #ready: Promise<void>;
  /** Made at the first query: most sandboxes never ask. */
  #out: Buffer | undefined;

  /** @param source a descriptor, or a socket that is bound already (tests) */
  constructor(source: number | Socket) {
    if (typeof source !== "number") {
      this.#socket = source;
      this.#ready = Promise.resolve();
      return;
    }
    // Peers are addresses always: the default look-up of each would cost a turn of the event loop.
    const lookup = (name: string, _options: unknown, done: (error: null, address: string, family: number) => void) => done(null, name, 4);
    this.#socket = createSocket({ type: "udp4", lookup: lookup as never });
    this.#ready = new Promise((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.bind({ fd: source, exclusive: true }, () => {
        this.#socket.off("error", reject);
        resolve();
      });
    });
    this.#ready.catch(() => {});
  }

  async start(receiver: DatagramReceiver, onError: (error: Error) => void): Promise<void> {
    await this.#ready;
    this.#socket.on("error", onError);
    this.#socket.on("message", (data, from) => {
      const out = (this.#out ??= Buffer.alloc(UDP_MAX_ANSWER));
      const length = receiver.receive(data, 0, data.length, out, 0, out.length, () => ({ address: from.address, port: from.port }));
      if (length <= 0) return;
      this.#socket.send(out, 0, length, from.port, from.address);
      // Sent as a rule; while it is queued the buffer is libuv's.
      if (this.#socket.getSendQueueCount() > 0) this.#out = undefined;
    });
  }

  send(data: Uint8Array, peer: Peer): void {
    this.#socket.send(data, peer.port, peer.address);
  }

  close(): void {
    this.#socket.close();
  }
}

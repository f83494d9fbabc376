import { messageOf } from "#base";
import { DatagramBatch, inetAddress, type Poller, type Socket, type Watch } from "#kernel/ffi";

/** Batches one socket has answered before others have their turn: 1024 datagrams, about 3 ms. */
const ROUNDS = 16;

/** Answers one datagram, `from[start, end)`, into `into` at `at`; the answer's length, or 0 for none now. As `DatagramReceiver` of `dns`. */
interface Receiver {
  receive(
    from: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    room: number,
    peer: () => { readonly address: string; readonly port: number },
  ): number;
}

/** Datagram ports that share one batch: buffers for one receive and its answers, made at the first datagram (0.4 MB). */
export class BatchedPorts {
  readonly #poller: Poller;
  #batch: DatagramBatch | undefined;

  constructor(poller: Poller) {
    this.#poller = poller;
  }

  /** The socket belongs to the port from here on. */
  port(socket: Socket): BatchedPort {
    return new BatchedPort(socket, this.#poller, () => (this.#batch ??= new DatagramBatch()));
  }
}

/** One bound UDP socket, up to 64 datagrams a system call: what `DatagramPort` of `dns` asks for. */
export class BatchedPort {
  readonly #socket: Socket;
  readonly #poller: Poller;
  readonly #batch: () => DatagramBatch;
  #watch: Watch | undefined;

  constructor(socket: Socket, poller: Poller, batch: () => DatagramBatch) {
    this.#socket = socket;
    this.#poller = poller;
    this.#batch = batch;
  }

  start(receiver: Receiver, onError: (error: Error) => void): void {
    this.#watch = this.#poller.add(this.#socket, () => {
      try {
        this.#drain(receiver);
      } catch (error) {
        onError(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
  }

  #drain(receiver: Receiver): void {
    const socket = this.#socket;
    const batch = this.#batch();
    let slot = 0;
    const peer = () => batch.peer(slot);
    for (let round = 0; round < ROUNDS; round++) {
      const count = batch.receive(socket);
      for (slot = 0; slot < count; slot++) {
        const start = batch.inputStart(slot);
        const length = receiver.receive(batch.input, start, batch.inputEnd(slot), batch.output, batch.outputStart, batch.sendSize, peer);
        batch.reply(slot, length);
      }
      batch.flush(socket);
      // Most wake-ups are for one query: asking again only to hear EAGAIN would cost as much as the answer.
      if (count < batch.slots) return;
    }
  }

  /** @throws SystemError */
  send(data: Uint8Array, peer: { readonly address: string; readonly port: number }): void {
    this.#socket.sendTo(data, inetAddress(peer.address, peer.port));
  }

  close(): void {
    this.#watch?.[Symbol.dispose]();
    this.#socket.close();
  }
}

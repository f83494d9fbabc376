import { FileDescriptor, type Poller, type Socket, unixSeqpacket, type Watch } from "#kernel/ffi";

/**
 * conmon's attach socket: SOCK_SEQPACKET. A packet from conmon is one byte saying which pipe, then up to 8192 of output; a packet to it is input.
 * End of our writing closes the process's stdin, unless conmon was told to leave it open.
 */
export interface ConmonSocketEvents {
  output(stream: "stdout" | "stderr", data: Uint8Array): void;
  end(): void;
}

const STDERR_PIPE = 3;
/** conmon keeps one unwritten packet a client; larger ones are cut. */
const INPUT_PACKET = 8192;
const OUTPUT_PACKET = 8193;
/** Packets taken in one wake-up, so that one noisy container does not hold the others' events. */
const BURST = 64;
/** While conmon's buffer is full, ms between tries: the poller tells of reading alone. */
const RETRY_MIN = 1;
const RETRY_MAX = 32;

export class ConmonSocket {
  readonly #socket: Socket;
  readonly #watch: Watch;
  readonly #events: ConmonSocketEvents;
  readonly #buffer = new Uint8Array(OUTPUT_PACKET);
  #writing: Promise<void> = Promise.resolve();
  #ended = false;

  /** @param directory where conmon made `attach` @throws SystemError */
  constructor(directory: string, poller: Poller, events: ConmonSocketEvents) {
    this.#events = events;
    // sun_path holds 107 bytes; through the open directory any length will do.
    using parent = FileDescriptor.open(directory);
    this.#socket = unixSeqpacket(`/proc/self/fd/${parent.fd}/attach`);
    this.#watch = poller.add(this.#socket, () => this.#readable());
  }

  #readable(): void {
    for (let packets = 0; packets < BURST && !this.#ended; packets++) {
      let length: number;
      try {
        length = this.#socket.receive(this.#buffer);
      } catch {
        length = 0;
      }
      if (length < 0) return;
      if (length === 0) {
        this.close();
        return;
      }
      this.#events.output(this.#buffer[0] === STDERR_PIPE ? "stderr" : "stdout", this.#buffer.slice(1, length));
    }
  }

  /** Output stops coming, and with it, in the end, the container's. */
  pause(): void {
    this.#watch.pause();
  }

  resume(): void {
    if (!this.#ended) this.#watch.resume();
  }

  /** Settles when conmon has taken it; data after the end is dropped. */
  write(data: Uint8Array): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      for (let offset = 0; offset < data.length && !this.#ended; offset += INPUT_PACKET)
        await this.#send(data.subarray(offset, offset + INPUT_PACKET));
    });
    return this.#writing;
  }

  async #send(packet: Uint8Array): Promise<void> {
    for (let pause = RETRY_MIN; !this.#ended; pause = Math.min(pause * 2, RETRY_MAX)) {
      try {
        if (this.#socket.send(packet) >= 0) return;
      } catch {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  endInput(): Promise<void> {
    this.#writing = this.#writing.then(() => {
      if (this.#ended) return;
      try {
        this.#socket.shutdown(1);
      } catch {
        // The other side has gone first.
      }
    });
    return this.#writing;
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch[Symbol.dispose]();
    this.#socket.close();
    this.#events.end();
  }
}

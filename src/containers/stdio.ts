import type { Poller } from "#kernel/ffi";
import { ConmonSocket } from "./conmon-socket.ts";
import { DetachScanner } from "./detach-keys.ts";
import type { OutputChunk, StdioSession } from "./types.ts";

/** Bytes a client may lag behind before the container is made to wait for it, as dockerd's own buffer has it. */
const LAG_LIMIT = 1 << 20;
/** The same once the process has ended: what pipe (1 MB at most) and socket still hold is taken in, so that conmon can tell of the end. */
const LAST_LAG_LIMIT = 4 << 20;
/** ms between looks whether the process is still there, while its conmon is held back and cannot tell. */
const LOOK = 200;
/** ms to wait for the last output after the process has ended. */
const DRAIN_LIMIT = 2000;

export interface SessionOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Looked for with a tty alone. */
  readonly detachKeys?: Uint8Array;
  readonly onDetach?: () => void;
}

export interface StdioHubOptions {
  readonly poller: Poller;
  readonly tty: boolean;
  /** The process has a stdin at all. */
  readonly stdin: boolean;
  /** The first client's end of input is the process's (StdinOnce, and every exec). */
  readonly closeInput: boolean;
  /** False once the process that runs has ended, whether conmon has said so or not. */
  alive(): boolean;
}

/** The clients of one process's stdio, over one connection to its conmon that is open only while there are clients. */
export class StdioHub {
  readonly options: StdioHubOptions;
  readonly #sessions = new Set<Session>();
  #socket: ConmonSocket | undefined;
  #directory: string | undefined;
  #ended: (() => void) | undefined;
  /** The process has ended: what it left is all there will be. */
  #over = false;
  #look: NodeJS.Timeout | undefined;
  /** Input that comes before there is a process waits for it. */
  #reachable = Promise.withResolvers<void>();

  constructor(options: StdioHubOptions) {
    this.options = options;
  }

  get clients(): number {
    return this.#sessions.size;
  }

  /** The process is there (not yet running): whoever waits for its output is connected now. @param directory of conmon's socket */
  connect(directory: string): void {
    this.#directory = directory;
    this.#over = false;
    if (this.#sessions.size > 0) this.#open();
    this.#reachable.resolve();
  }

  #open(): void {
    if (this.#socket || !this.#directory) return;
    this.#socket = new ConmonSocket(this.#directory, this.options.poller, {
      output: (stream, data) => {
        for (const session of this.#sessions) session.deliver({ stream, data });
        this.balance();
      },
      end: () => {
        this.#socket = undefined;
        this.#ended?.();
      },
    });
  }

  /** A new client; before the process starts it just waits. @throws SystemError when conmon cannot be reached */
  session(options: SessionOptions): Session {
    const session = new Session(this, options);
    this.#sessions.add(session);
    try {
      this.#open();
    } catch (error) {
      this.#sessions.delete(session);
      throw error;
    }
    return session;
  }

  /** Holds conmon back while a client lags, lets it go on when all have caught up. */
  balance(): void {
    const lag = Math.max(0, ...[...this.#sessions].map((session) => session.lag));
    if (lag <= (this.#over ? LAST_LAG_LIMIT : LAG_LIMIT)) this.#socket?.resume();
    else {
      this.#socket?.pause();
      if (!this.#over) this.#lookForEnd();
    }
  }

  #lookForEnd(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined;
      this.#over = !this.options.alive();
      this.balance();
    }, LOOK).unref();
  }

  async write(data: Uint8Array): Promise<void> {
    if (!this.options.stdin) return;
    await this.#reachable.promise;
    await this.#socket?.write(data);
  }

  async endInput(): Promise<void> {
    if (!this.options.stdin || !this.options.closeInput || this.options.tty) return;
    await this.#reachable.promise;
    await this.#socket?.endInput();
  }

  leave(session: Session): void {
    if (!this.#sessions.delete(session)) return;
    this.balance();
    if (session.options.stdin && this.#socket) void this.endInput();
    if (this.#sessions.size === 0) this.#socket?.close();
  }

  /** The process has ended: deliver what is left, then end every client. */
  async finish(): Promise<void> {
    this.#directory = undefined;
    this.#reachable.resolve();
    this.#reachable = Promise.withResolvers();
    this.#over = true;
    this.balance();
    if (this.#socket) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        new Promise<void>((resolve) => (this.#ended = resolve)),
        new Promise<void>((resolve) => (timer = setTimeout(resolve, DRAIN_LIMIT))),
      ]);
      clearTimeout(timer);
      this.#ended = undefined;
      this.#socket?.close();
    }
    for (const session of this.#sessions) session.end();
    this.#sessions.clear();
  }
}

/** One client of a hub. */
export class Session implements StdioSession {
  readonly tty: boolean;
  readonly options: SessionOptions;
  readonly #hub: StdioHub;
  readonly #scanner: DetachScanner | undefined;
  #queue: OutputChunk[] = [];
  #lag = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(hub: StdioHub, options: SessionOptions) {
    this.#hub = hub;
    this.options = options;
    this.tty = hub.options.tty;
    if (this.tty && options.stdin && options.detachKeys) this.#scanner = new DetachScanner(options.detachKeys);
  }

  /** Bytes not yet taken. */
  get lag(): number {
    return this.#lag;
  }

  deliver(chunk: OutputChunk): void {
    if (this.#ended || !(chunk.stream === "stderr" ? this.options.stderr : this.options.stdout)) return;
    this.#queue.push(chunk);
    this.#lag += chunk.data.length;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  readonly output: AsyncIterable<OutputChunk> = {
    [Symbol.asyncIterator]: () => this.#chunks(),
  };

  async *#chunks(): AsyncGenerator<OutputChunk> {
    try {
      for (;;) {
        const chunks = this.#queue;
        if (chunks.length > 0) {
          this.#queue = [];
          for (const chunk of chunks) {
            yield chunk;
            this.#lag -= chunk.data.length;
          }
          this.#hub.balance();
        } else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.detach();
    }
  }

  async write(data: Uint8Array): Promise<void> {
    if (!this.options.stdin || this.#ended) return;
    if (!this.#scanner) return this.#hub.write(data);
    const { pass, detach } = this.#scanner.scan(data);
    if (pass.length > 0) await this.#hub.write(pass);
    if (!detach) return;
    this.options.onDetach?.();
    this.end();
    this.#hub.leave(this);
  }

  async closeInput(): Promise<void> {
    if (this.options.stdin && !this.#ended) await this.#hub.endInput();
  }

  detach(): void {
    this.#hub.leave(this);
    this.end();
  }
}

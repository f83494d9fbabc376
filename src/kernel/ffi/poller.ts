import koffi, { type node } from "koffi";
import type { FileDescriptor } from "./file-descriptor.ts";

export interface Watch extends Disposable {
  /** Stops reporting until `resume()`, as when whoever is written to cannot keep up. */
  pause(): void;
  resume(): void;
}

export interface WatchOptions {
  /** Keeps the process alive while watched. */
  readonly keepAlive?: boolean;
}

interface Entry {
  readonly handle: node.PollHandle;
  readonly ready: () => void;
  queued: boolean;
  paused: boolean;
}

/**
 * Tells when descriptors become readable (or hang up), through node's own event loop: uv_poll, no thread of ours, 4 µs a wake-up.
 * `ready` should read until the descriptor would block; what it leaves is reported again.
 */
export class Poller implements Disposable {
  readonly #entries = new Set<Entry>();
  readonly #ready: Entry[] = [];
  #immediate: NodeJS.Immediate | undefined;
  readonly #atExit = () => this[Symbol.dispose]();

  /** The descriptor must stay open until the watch is disposed. @throws Error for a regular file, or a descriptor already watched */
  add(descriptor: FileDescriptor, ready: () => void, options: WatchOptions = {}): Watch {
    const onEvent = () => {
      if (entry.queued || entry.paused) return;
      entry.queued = true;
      this.#ready.push(entry);
      // uv_poll calls us outside node's callback scope, where a throw is fatal and promises stay unserved; the check phase follows at once.
      this.#immediate ??= setImmediate(() => this.#run());
    };
    const interest = { readable: true, disconnect: true };
    const handle = koffi.node.poll(descriptor.fd, interest, onEvent);
    const entry: Entry = { handle, ready, queued: false, paused: false };
    if (!options.keepAlive) handle.unref();
    // A watch still active while the environment is torn down would call into a dead one.
    if (this.#entries.size === 0) process.once("exit", this.#atExit);
    this.#entries.add(entry);
    return {
      pause: () => {
        if (entry.paused || !this.#entries.has(entry)) return;
        entry.paused = true;
        handle.stop();
      },
      resume: () => {
        if (!entry.paused || !this.#entries.has(entry)) return;
        entry.paused = false;
        handle.start(interest, onEvent);
      },
      [Symbol.dispose]: () => this.#remove(entry),
    };
  }

  /** How many descriptors are watched. */
  get size(): number {
    return this.#entries.size;
  }

  #run(): void {
    this.#immediate = undefined;
    const ready = this.#ready.splice(0);
    for (const [position, entry] of ready.entries()) {
      entry.queued = false;
      if (entry.paused || !this.#entries.has(entry)) continue;
      try {
        entry.ready();
      } catch (error) {
        // The others have had no event lost: they are still readable, and uv_poll says so again.
        for (const later of ready.slice(position + 1)) later.queued = false;
        throw error;
      }
    }
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    entry.handle.close();
    if (this.#entries.size === 0) process.removeListener("exit", this.#atExit);
  }

  [Symbol.dispose](): void {
    for (const entry of [...this.#entries]) this.#remove(entry);
  }
}

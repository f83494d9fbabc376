import { close, fdatasync, openSync } from "node:fs";

/** Milliseconds from a commit to the flush that covers it: a write of SQLite's during a flush waits for the disk, so an operation's commits come before. */
const DELAY = 250;

/**
 * Brings commits to the disk without making them wait for it. With synchronous=NORMAL SQLite leaves that to the kernel until the next checkpoint: half a
 * minute in which a power cut loses what clients were told is done. Flushing the WAL a moment after a commit, on a thread of libuv's, makes that a
 * quarter of a second.
 */
export class WalFlusher implements Disposable {
  readonly #path: string;
  #descriptor: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #flushing = false;
  #disposed = false;

  /** @param path of the database. Only its WAL is opened: closing any descriptor of the database itself would drop SQLite's lock on it. */
  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  /** To be called after a commit, which has made the WAL. */
  schedule(): void {
    this.#timer ??= setTimeout(() => this.#flush(), DELAY).unref();
  }

  #flush(): void {
    this.#timer = undefined;
    // A slow disk is not asked for more than one at a time.
    if (this.#flushing) {
      this.schedule();
      return;
    }
    try {
      this.#descriptor ??= openSync(this.#path, "r");
    } catch {
      // The data root was taken away: there is nothing to keep.
      return;
    }
    this.#flushing = true;
    // A disk that fails here says so to SQLite as well, at the checkpoint.
    fdatasync(this.#descriptor, () => {
      this.#flushing = false;
      if (this.#disposed) this.#close();
    });
  }

  #close(): void {
    if (this.#descriptor !== undefined) close(this.#descriptor, () => {});
    this.#descriptor = undefined;
  }

  /** The database's own last flush covers what is left. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    if (!this.#flushing) this.#close();
  }
}

import { once } from "node:events";
import type { Writable } from "node:stream";

/** What `orGone()` gives when nobody is left to wait for it. */
export const GONE = Symbol("gone");

/** Whoever is at the other end of a connection, for as long as a stream to them lasts. */
export class Peer {
  readonly #connection: Writable;
  #gone = false;
  #leave = () => {};

  constructor(connection: Writable) {
    this.#connection = connection;
    this.#gone = connection.destroyed;
    connection.once("close", () => {
      this.#gone = true;
      this.#leave();
    });
  }

  /**
   * Settles as the promise does, or with GONE when the connection closes first. One call at a time. A race against one lasting promise would leave a
   * reaction on it for every piece that is sent, for as long as the connection is open.
   */
  orGone<T>(wanted: Promise<T>): Promise<T | typeof GONE> {
    return new Promise((resolve, reject) => {
      this.#leave = () => resolve(GONE);
      if (this.#gone) this.#leave();
      wanted.then(resolve, reject);
    });
  }

  /** Sends a piece, and settles when there is room for the next, or nobody to send it to. */
  async send(...parts: readonly (Uint8Array | string)[]): Promise<void> {
    let free = true;
    for (const part of parts) free = this.#connection.write(part);
    if (!free) await this.orGone(once(this.#connection, "drain")).catch(() => {});
  }
}

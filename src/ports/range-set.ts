import type { PortRange } from "./types.ts";

/** A range of ports that somebody holds. */
export interface HeldRange<H> extends PortRange {
  readonly holder: H;
}

/** Disjoint ranges of ports in order. A range is one entry however long it is. */
export class RangeSet<H> {
  readonly #entries: HeldRange<H>[] = [];

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The lowest range that shares a port with this one. */
  overlapping(from: number, to: number): HeldRange<H> | undefined {
    const entry = this.#entries[this.#indexOf(from)];
    return entry && entry.from <= to ? entry : undefined;
  }

  /** The caller has seen that nothing overlaps. */
  add(entry: HeldRange<H>): void {
    this.#entries.splice(this.#indexOf(entry.from), 0, entry);
  }

  delete(entry: HeldRange<H>): void {
    const index = this.#indexOf(entry.from);
    if (this.#entries[index] === entry) this.#entries.splice(index, 1);
  }

  /** Index of the first range that ends at the port or after it. */
  #indexOf(port: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.to < port) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * A set of numbers kept as disjoint, sorted, coalesced intervals in two parallel arrays. Dense allocation leaves one interval, so the lowest free
 * number is one binary search away whether ten addresses are taken or a million.
 */
export class IntervalSet {
  readonly #starts: bigint[] = [];
  readonly #ends: bigint[] = [];
  #size = 0n;

  /** How many numbers are in the set. */
  get size(): bigint {
    return this.#size;
  }

  has(value: bigint): boolean {
    const index = this.#after(value) - 1;
    return index >= 0 && this.#ends[index]! >= value;
  }

  /** @returns false when it was there already */
  add(value: bigint): boolean {
    const next = this.#after(value);
    const before = next - 1;
    if (before >= 0 && this.#ends[before]! >= value) return false;
    const joinsBefore = before >= 0 && this.#ends[before] === value - 1n;
    const joinsNext = next < this.#starts.length && this.#starts[next] === value + 1n;
    if (joinsBefore && joinsNext) {
      this.#ends[before] = this.#ends[next]!;
      this.#starts.splice(next, 1);
      this.#ends.splice(next, 1);
    } else if (joinsBefore) this.#ends[before] = value;
    else if (joinsNext) this.#starts[next] = value;
    else {
      this.#starts.splice(next, 0, value);
      this.#ends.splice(next, 0, value);
    }
    this.#size++;
    return true;
  }

  /** @returns false when it was not there */
  delete(value: bigint): boolean {
    const index = this.#after(value) - 1;
    if (index < 0 || this.#ends[index]! < value) return false;
    const [start, end] = [this.#starts[index]!, this.#ends[index]!];
    if (start === end) {
      this.#starts.splice(index, 1);
      this.#ends.splice(index, 1);
    } else if (start === value) this.#starts[index] = value + 1n;
    else if (end === value) this.#ends[index] = value - 1n;
    else {
      this.#ends[index] = value - 1n;
      this.#starts.splice(index + 1, 0, value + 1n);
      this.#ends.splice(index + 1, 0, end);
    }
    this.#size--;
    return true;
  }

  /** The lowest number from `first` to `last` that is not in the set. */
  lowestFree(first: bigint, last: bigint): bigint | undefined {
    const index = this.#after(first) - 1;
    const free = index >= 0 && this.#ends[index]! >= first ? this.#ends[index]! + 1n : first;
    return free <= last ? free : undefined;
  }

  /** How many numbers of the set lie from `first` to `last`. */
  countWithin(first: bigint, last: bigint): bigint {
    let count = 0n;
    for (let index = Math.max(0, this.#after(first) - 1); index < this.#starts.length && this.#starts[index]! <= last; index++) {
      const start = this.#starts[index]! > first ? this.#starts[index]! : first;
      const end = this.#ends[index]! < last ? this.#ends[index]! : last;
      if (start <= end) count += end - start + 1n;
    }
    return count;
  }

  /** Index of the first interval that starts after the value. */
  #after(value: bigint): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

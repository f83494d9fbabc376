import { LocalStore, type LocalStoreOptions, type RecordTable } from "../local-store.ts";
import { compareKeys, type Row, upperBoundOf } from "../records.ts";

/** Keeps everything in this process and nothing on disk: for tests and for the engine as a library. */
export class MemoryStore extends LocalStore {
  constructor(options: LocalStoreOptions = {}) {
    super(new MemoryTable(), options);
  }
}

class MemoryTable implements RecordTable {
  readonly #rows = new Map<string, Row>();
  /** Keys in byte order. */
  readonly #keys: string[] = [];
  revision = 0;

  read(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  revisionOf(key: string): number {
    return this.#rows.get(key)?.revision ?? 0;
  }

  scan(prefix: string): Row[] {
    return this.#keys.slice(this.#indexOf(prefix), this.#indexOf(upperBoundOf(prefix))).map((key) => this.#rows.get(key)!);
  }

  keysOfLease(lease: string): string[] {
    return this.#keys.filter((key) => this.#rows.get(key)!.lease === lease);
  }

  /** Cannot fail half-way: everything that may throw was done before `write`. */
  transact(revision: number, write: () => void): void {
    write();
    this.revision = revision;
  }

  write(row: Row): void {
    if (!this.#rows.has(row.key)) this.#keys.splice(this.#indexOf(row.key), 0, row.key);
    this.#rows.set(row.key, row);
  }

  remove(key: string): void {
    if (this.#rows.delete(key)) this.#keys.splice(this.#indexOf(key), 1);
  }

  close(): void {
    this.#rows.clear();
    this.#keys.length = 0;
  }

  /** Index of the first key that is not before this one. */
  #indexOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

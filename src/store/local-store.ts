import { randomUUID } from "node:crypto";
import { FairwayError, invalid, notFound } from "#base";
import { checkOperations, encodeValue, type Operation, type Row, recordOf, revisionMismatch } from "./records.ts";
import type { Lease, Store, StoreChange, StoredRecord } from "./store.ts";
import { WatchHub } from "./watch-hub.ts";

/** What differs between the stores of one process: where rows are kept. All of it is synchronous. */
export interface RecordTable {
  read(key: string): Row | undefined;
  /** Revision alone, 0 when there is no such record. */
  revisionOf(key: string): number;
  /** Rows under a prefix in byte order of their keys. */
  scan(prefix: string): Row[];
  keysOfLease(lease: string): string[];
  /** Revision of the last transaction that wrote. */
  readonly revision: number;
  /** Runs `write` as one transaction under the revision; when it throws nothing is written. */
  transact(revision: number, write: () => void): void;
  write(row: Row): void;
  remove(key: string): void;
  close(): void;
}

export interface LocalStoreOptions {
  /** A watch listener threw; a process warning unless given. */
  readonly onListenerError?: (error: unknown) => void;
}

interface LeaseState {
  readonly ttl: number;
  timer: NodeJS.Timeout;
}

/** A store within one process: transactions, watches and leases over a table of rows. */
export class LocalStore implements Store {
  readonly #table: RecordTable;
  readonly #hub: WatchHub;
  readonly #leases = new Map<string, LeaseState>();
  #closed = false;

  protected constructor(table: RecordTable, options: LocalStoreOptions = {}) {
    this.#table = table;
    this.#hub = new WatchHub(options.onListenerError ?? ((error) => process.emitWarning(error instanceof Error ? error : String(error))));
  }

  async get<T>(key: string): Promise<StoredRecord<T> | undefined> {
    this.#assertOpen();
    const row = this.#table.read(key);
    return row && recordOf<T>(row);
  }

  async list<T>(prefix: string): Promise<readonly StoredRecord<T>[]> {
    this.#assertOpen();
    return Object.freeze(this.#table.scan(prefix).map((row) => recordOf<T>(row)));
  }

  async commit(operations: readonly Operation[]): Promise<number> {
    this.#assertOpen();
    checkOperations(operations);
    for (const { key, expect } of operations) {
      if (expect === undefined) continue;
      const actual = this.#table.revisionOf(key);
      if (actual !== expect) throw revisionMismatch(key, expect, actual);
    }
    const revision = this.#table.revision + 1;
    const writes: (Row | string)[] = [];
    for (const operation of operations) {
      if (operation.op === "put") {
        const { key, lease = null } = operation;
        if (lease !== null) this.#leaseOf(lease);
        writes.push({ key, json: encodeValue(key, operation.value), revision, lease });
      } else if (operation.op === "delete" && this.#table.revisionOf(operation.key) !== 0) writes.push(operation.key);
    }
    return this.#apply(revision, writes);
  }

  watch(prefix: string, onChange: (change: StoreChange) => void): () => void {
    this.#assertOpen();
    return this.#hub.watch(prefix, this.#table.revision, onChange);
  }

  async lease(ttl: number): Promise<Lease> {
    this.#assertOpen();
    // A longer delay overflows setTimeout's 32 bits and fires at once.
    if (!(ttl > 0 && ttl <= 2_000_000))
      throw invalid(`Cannot make a lease of ${ttl} seconds: wanted 0 < ttl <= 2000000`, { code: "bad-ttl" });
    const id = randomUUID();
    this.#leases.set(id, { ttl, timer: this.#timerOf(id, ttl) });
    return Object.freeze({
      id,
      ttl,
      keepAlive: async () => {
        const state = this.#leaseOf(id);
        clearTimeout(state.timer);
        state.timer = this.#timerOf(id, ttl);
      },
      revoke: async () => this.#end(id),
    });
  }

  /** Records that live by a lease do not outlive the store: nobody would be there to end them. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#hub.clear();
    try {
      for (const id of [...this.#leases.keys()]) this.#end(id);
    } finally {
      this.#closed = true;
      for (const { timer } of this.#leases.values()) clearTimeout(timer);
      this.#leases.clear();
      this.#table.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @param writes a row to put, or the key of one to delete */
  #apply(revision: number, writes: readonly (Row | string)[]): number {
    if (writes.length === 0) return revision - 1;
    this.#table.transact(revision, () => {
      for (const write of writes) {
        if (typeof write === "string") this.#table.remove(write);
        else this.#table.write(write);
      }
    });
    for (const write of writes) {
      if (!this.#hub.interests(typeof write === "string" ? write : write.key)) continue;
      if (typeof write === "string") this.#hub.publish(() => Object.freeze({ type: "delete", key: write, revision }));
      else this.#hub.publish(() => Object.freeze({ type: "put", record: recordOf(write) }));
    }
    return revision;
  }

  #timerOf(id: string, ttl: number): NodeJS.Timeout {
    const timer = setTimeout(() => this.#end(id), ttl * 1000);
    timer.unref();
    return timer;
  }

  #leaseOf(id: string): LeaseState {
    const state = this.#leases.get(id);
    if (!state) throw notFound(`Lease ${id} does not exist: it ended or was revoked`, { code: "lease-not-found", context: { lease: id } });
    return state;
  }

  #end(id: string): void {
    const state = this.#leases.get(id);
    if (!state || this.#closed) return;
    clearTimeout(state.timer);
    this.#leases.delete(id);
    this.#apply(this.#table.revision + 1, this.#table.keysOfLease(id));
  }

  #assertOpen(): void {
    if (this.#closed) throw new FairwayError("unavailable", "Cannot use the store: it is closed", { code: "store-closed" });
  }
}

/**
 * The record contract every state of Fairway's is kept by. Records are plain JSON values under a path-like key (`network/<id>`); every committed
 * write gives its record a new revision. Implementations: memory, sqlite (embedded default), etcd (several hosts); one compliance suite for all.
 */
export interface StoredRecord<T = unknown> {
  readonly key: string;
  readonly value: T;
  /** Grows with every write of the store; equal to the revision of the transaction that wrote the record. */
  readonly revision: number;
}

export interface Put {
  readonly op: "put";
  readonly key: string;
  readonly value: unknown;
  /** Commit only if the record is at this revision now; 0: only if it does not exist. */
  readonly expect?: number;
  /** The record vanishes with this lease. */
  readonly lease?: string;
}

export interface Delete {
  readonly op: "delete";
  readonly key: string;
  readonly expect?: number;
}

/** A check alone: the transaction fails unless the record is at this revision (0: absent). */
export interface Check {
  readonly op: "check";
  readonly key: string;
  readonly expect: number;
}

export type StoreChange<T = unknown> =
  | { readonly type: "put"; readonly record: StoredRecord<T> }
  | { readonly type: "delete"; readonly key: string; readonly revision: number };

export interface Lease {
  readonly id: string;
  /** Seconds until the lease ends unless kept alive. */
  readonly ttl: number;
  keepAlive(): Promise<void>;
  revoke(): Promise<void>;
}

export interface Store {
  get<T>(key: string): Promise<StoredRecord<T> | undefined>;
  /** Records whose key starts with the prefix, in key order. */
  list<T>(prefix: string): Promise<readonly StoredRecord<T>[]>;
  /**
   * All or nothing. @returns the revision of the transaction
   * @throws FairwayError conflict, code `revision-mismatch` {key, expected, actual}, when an expectation does not hold; nothing is written then.
   */
  commit(operations: readonly (Put | Delete | Check)[]): Promise<number>;
  /** Changes under the prefix from now on, in commit order; call the result to stop. */
  watch(prefix: string, onChange: (change: StoreChange) => void): () => void;
  lease(ttl: number): Promise<Lease>;
  close(): Promise<void>;
}

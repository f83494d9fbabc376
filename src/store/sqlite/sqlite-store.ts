import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { invalid } from "#base";
import { LocalStore, type LocalStoreOptions, type RecordTable } from "../local-store.ts";
import { type Row, upperBoundOf } from "../records.ts";
import { damaged, explainSqlite } from "./errors.ts";
import { identify, migrate } from "./schema.ts";
import { WalFlusher } from "./wal-flusher.ts";

export interface SqliteStoreOptions extends LocalStoreOptions {
  /** How long to wait for another process to let go of the file, in milliseconds; 2000 unless given. */
  readonly busyTimeout?: number;
}

/**
 * The embedded store: one file, held exclusively by one process for as long as it is open. The lock is the kernel's (fcntl), so it ends with the
 * process however that dies. A committed transaction survives the process, and a power cut once it is flushed, a quarter of a second later
 * (`wal-flusher.ts`); one that was not is lost whole.
 */
export class SqliteStore extends LocalStore {
  readonly path: string;

  private constructor(path: string, table: SqliteTable, options: LocalStoreOptions) {
    super(table, options);
    this.path = path;
  }

  /** Opens or makes the file, and its directory. @throws FairwayError internal, with a code `store-locked`, `store-corrupt`, `store-foreign`, … */
  static open(path: string, options: SqliteStoreOptions = {}): SqliteStore {
    if (path === "") throw invalid("Cannot open store: no path given", { code: "bad-store-path" });
    let database: DatabaseSync | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o710 });
      // Made here for its mode, which SQLite gives the -wal too: records hold what users may keep to themselves.
      closeSync(openSync(path, "a", 0o600));
      database = new DatabaseSync(path, { timeout: options.busyTimeout ?? 2000 });
      prepareFile(database, path);
      return new SqliteStore(path, new SqliteTable(database, path), options);
    } catch (error) {
      database?.close();
      throw explainSqlite("open store", path, error);
    }
  }
}

function prepareFile(database: DatabaseSync, path: string): void {
  // EXCLUSIVE before the first access: the lock is kept between transactions and the WAL needs no shared-memory file.
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF;");
  const kind = identify(database, path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE");
  const finding = String(Object.values(database.prepare("PRAGMA quick_check(1)").get() ?? {})[0]);
  if (finding !== "ok") throw damaged(path, finding);
  migrate(database, path, kind);
  database.exec("DELETE FROM record WHERE lease IS NOT NULL; COMMIT");
}

class SqliteTable implements RecordTable {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #flusher: WalFlusher;
  readonly #statements: Readonly<
    Record<"read" | "revisionOf" | "scan" | "scanAll" | "lease" | "write" | "remove" | "count", StatementSync>
  >;
  revision: number;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#flusher = new WalFlusher(path);
    this.#statements = {
      read: database.prepare("SELECT key, json, revision, lease FROM record WHERE key = ?"),
      revisionOf: database.prepare("SELECT revision FROM record WHERE key = ?"),
      scan: database.prepare("SELECT key, json, revision, lease FROM record WHERE key >= ? AND key < ? ORDER BY key"),
      scanAll: database.prepare("SELECT key, json, revision, lease FROM record ORDER BY key"),
      lease: database.prepare("SELECT key FROM record WHERE lease = ? ORDER BY key"),
      write: database.prepare(
        "INSERT INTO record VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json, revision = excluded.revision, lease = excluded.lease",
      ),
      remove: database.prepare("DELETE FROM record WHERE key = ?"),
      count: database.prepare("UPDATE counter SET value = ? WHERE name = 'revision'"),
    };
    this.revision = Number(database.prepare("SELECT value FROM counter WHERE name = 'revision'").get()!.value);
  }

  read(key: string): Row | undefined {
    return this.#guard("read", () => this.#statements.read.get(key) as Row | undefined);
  }

  revisionOf(key: string): number {
    return this.#guard("read", () => Number(this.#statements.revisionOf.get(key)?.revision ?? 0));
  }

  scan(prefix: string): Row[] {
    const { scan, scanAll } = this.#statements;
    return this.#guard("read", () => (prefix === "" ? scanAll.all() : scan.all(prefix, upperBoundOf(prefix)))) as unknown as Row[];
  }

  keysOfLease(lease: string): string[] {
    return this.#guard("read", () => this.#statements.lease.all(lease).map((row) => String(row.key)));
  }

  transact(revision: number, write: () => void): void {
    this.#guard("write", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        write();
        this.#statements.count.run(revision);
        this.#database.exec("COMMIT");
      } catch (error) {
        // A full disk or an I/O error has rolled back by itself already.
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
    this.revision = revision;
    this.#flusher.schedule();
  }

  write({ key, json, revision, lease }: Row): void {
    this.#statements.write.run(key, json, revision, lease);
  }

  remove(key: string): void {
    this.#statements.remove.run(key);
  }

  close(): void {
    this.#flusher[Symbol.dispose]();
    this.#database.close();
  }

  #guard<T>(attempt: "read" | "write", work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explainSqlite(`${attempt} store`, this.#path, error);
    }
  }
}

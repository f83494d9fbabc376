/** `store`: the record contract all state is kept by, its in-memory and SQLite implementations, and `openStore` to choose one by URL. */
export { MemoryStore } from "./memory/memory-store.ts";
export { openStore, type StoreOpener, type StoreOptions } from "./open.ts";
export { SqliteStore, type SqliteStoreOptions } from "./sqlite/sqlite-store.ts";
export * from "./store.ts";

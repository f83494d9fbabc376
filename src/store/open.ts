import { invalid } from "#base";
import { MemoryStore } from "./memory/memory-store.ts";
import { SqliteStore, type SqliteStoreOptions } from "./sqlite/sqlite-store.ts";
import type { Store } from "./store.ts";

/** Opens a store of one URL scheme. `address` is what follows `scheme:`. */
export type StoreOpener = (address: string, options: StoreOptions) => Store | Promise<Store>;

export interface StoreOptions extends SqliteStoreOptions {
  /** Further schemes, as `etcd`, which the composition root registers. They win over the built-in ones. */
  readonly schemes?: Readonly<Record<string, StoreOpener>>;
}

const BUILT_IN: Readonly<Record<string, StoreOpener>> = {
  memory: (_address, options) => new MemoryStore(options),
  sqlite: (address, options) => SqliteStore.open(address.replace(/^\/\/(?=\/)/, ""), options),
};

/**
 * `memory:`, `sqlite:/path` (or `sqlite:///path`), a bare path, or a scheme from `options.schemes`.
 * @throws FairwayError invalidParameter for an unknown scheme; whatever the implementation says when it cannot be opened
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Store> {
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(url)?.[1];
  if (scheme === undefined) return SqliteStore.open(url, options);
  const openers = { ...BUILT_IN, ...options.schemes };
  const opener = Object.hasOwn(openers, scheme) ? openers[scheme] : undefined;
  if (!opener)
    throw invalid(`Cannot open store "${url}": unknown scheme "${scheme}", known are ${Object.keys(openers).join(", ")}`, {
      code: "unknown-store-scheme",
      context: { url, scheme, known: Object.keys(openers) },
    });
  return opener(url.slice(scheme.length + 1), options);
}

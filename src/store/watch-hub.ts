import type { StoreChange } from "./store.ts";

type Listener = (change: StoreChange) => void;

interface Watcher {
  readonly prefix: string;
  readonly after: number;
  readonly onChange: Listener;
}

const keyOf = (change: StoreChange): string => (change.type === "put" ? change.record.key : change.key);
const revisionOf = (change: StoreChange): number => (change.type === "put" ? change.record.revision : change.revision);

/**
 * Delivers committed changes in commit order, in a microtask of their own: a listener that commits again cannot overtake what is still queued, and
 * one that throws neither fails the committer nor keeps the change from the others.
 */
export class WatchHub {
  readonly #watchers = new Set<Watcher>();
  readonly #onListenerError: (error: unknown) => void;
  #queue: (() => StoreChange)[] = [];
  #draining = false;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** @param revision the store's now: changes up to it, though still queued, are not "from now on" */
  watch(prefix: string, revision: number, onChange: Listener): () => void {
    const watcher: Watcher = { prefix, after: revision, onChange };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Whether anybody would hear of this key; saves decoding values nobody asked for. */
  interests(key: string): boolean {
    for (const watcher of this.#watchers) if (key.startsWith(watcher.prefix)) return true;
    return false;
  }

  publish(change: () => StoreChange): void {
    this.#queue.push(change);
    if (this.#draining) return;
    this.#draining = true;
    queueMicrotask(() => this.#drain());
  }

  clear(): void {
    this.#watchers.clear();
    this.#queue = [];
  }

  #drain(): void {
    for (let queue = this.#queue; queue.length > 0; queue = this.#queue) {
      this.#queue = [];
      for (const make of queue) this.#deliver(make());
    }
    this.#draining = false;
  }

  #deliver(change: StoreChange): void {
    const key = keyOf(change);
    for (const watcher of [...this.#watchers]) {
      if (!this.#watchers.has(watcher) || !key.startsWith(watcher.prefix) || revisionOf(change) <= watcher.after) continue;
      try {
        watcher.onChange(change);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}

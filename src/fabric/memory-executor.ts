import { linkOfSysctl, type Operation } from "./diff.ts";
import type { Executor, Observation, RunResult } from "./executor.ts";
import { keyOf } from "./key.ts";
import type { DesiredState, Item } from "./types.ts";

/** A kernel of plain data for tests and dry runs: it knows which object needs which, and can be told to fail or to lose things. */
export class MemoryExecutor implements Executor {
  readonly items = new Map<string, Item>();
  /** Every operation that took effect, in order. */
  readonly history: Operation[] = [];
  /** Makes the operations it returns an error for fail. */
  fault: ((operation: Operation) => Error | undefined) | undefined;

  run(operations: readonly Operation[]): RunResult {
    const done: Operation[] = [];
    for (const operation of operations) {
      const error = this.fault?.(operation) ?? this.#impossible(operation);
      if (error) return { done, failure: { operation, error } };
      this.#carryOut(operation);
      done.push(operation);
      this.history.push(operation);
    }
    return { done };
  }

  observe(wanted: DesiredState): Observation {
    const keys = new Set(wanted.map(keyOf));
    const actual = wanted.flatMap((item) => this.items.get(keyOf(item)) ?? []);
    const strays = [...this.items.values()].filter((item) => !keys.has(keyOf(item)) && (item.type === "link" || item.type === "element"));
    return { actual, strays };
  }

  close(): void {}

  #impossible(operation: Operation): Error | undefined {
    if (operation.action !== "create") return undefined;
    const { item } = operation;
    if ((item.type === "link" || item.type === "element") && this.items.has(keyOf(item))) return new Error("File exists");
    if (item.type === "link" && item.master && !this.#hasLink(item.ns, item.master)) return new Error(`no master ${item.master}`);
    if ((item.type === "address" || item.type === "route") && !this.#hasLink(item.ns, item.link))
      return new Error(`no device ${item.link}`);
    return undefined;
  }

  #hasLink(ns: string, name: string): boolean {
    if (name === "lo") return true;
    for (const item of this.items.values()) {
      if (item.type !== "link") continue;
      if (item.ns === ns && item.name === name) return true;
      if (item.data.kind === "veth" && item.data.peer.ns === ns && item.data.peer.name === name) return true;
    }
    return false;
  }

  #carryOut(operation: Operation) {
    if (operation.action !== "delete") {
      this.items.set(keyOf(operation.item), operation.item);
      return;
    }
    this.items.delete(keyOf(operation.before));
    if (operation.before.type === "link") this.#orphan(operation.before);
  }

  /** What hangs on a deleted link goes with it. */
  #orphan(link: Extract<Item, { type: "link" }>) {
    for (const [key, item] of this.items) {
      const on =
        "link" in item ? item.link : item.type === "link-setting" ? item.name : item.type === "sysctl" ? linkOfSysctl(item.key) : undefined;
      if (on === undefined || !("ns" in item)) continue;
      if (!this.#hasLink(item.ns, on) && (item.ns === link.ns || link.data.kind === "veth")) this.items.delete(key);
    }
  }
}

import { FairwayError, type Log, messageOf, silentLog } from "#base";
import { describeItem, describeOperation, diff, hangsOn, type Operation } from "./diff.ts";
import type { Executor, Failure } from "./executor.ts";
import { hintOf } from "./hints.ts";
import { keyOf } from "./key.ts";
import type { DesiredState, Item } from "./types.ts";

/** What an owner (`network/<id>`, `endpoint/<id>`, `host`) wants from now on; undefined: nothing any more. */
export type Wants = ReadonlyMap<string, DesiredState | undefined>;

export interface Drift {
  readonly kind: "missing" | "different" | "stray";
  /** Who wants it; empty for a stray. */
  readonly scopes: readonly string[];
  readonly description: string;
  readonly operation: Operation;
}

/**
 * The one applier. It remembers what every scope wants; an operation hands it new wants for some scopes, and it applies the difference. Create,
 * repair, undo and dry-run are the same diff over different pairs of states. An item wanted by several scopes stays until the last lets go.
 */
export class Fabric {
  readonly #executor: Executor;
  readonly #log: Log;
  readonly #scopes = new Map<string, DesiredState>();
  readonly #wanted = new Map<string, { item: Item; scopes: Set<string> }>();

  constructor(executor: Executor, log: Log = silentLog) {
    this.#executor = executor;
    this.#log = log;
  }

  /** The owner is done; the kernel's objects stay. */
  close(): void {
    this.#executor.close();
  }

  /** The operations that `converge` would carry out, touching nothing. */
  plan(wants: Wants): readonly Operation[] {
    const [before, after] = this.#pair(wants);
    return diff(before, after);
  }

  /**
   * Makes the kernel match the new wants. All or nothing: when a step fails, what was done is undone by the same diff in reverse.
   * @throws FairwayError naming the failed step
   */
  converge(wants: Wants): readonly Operation[] {
    const [before, after] = this.#pair(wants);
    const operations = diff(before, after);
    const { done, failure } = this.#executor.run(operations);
    if (failure) {
      for (const { operation, error } of this.#runAll(diff(advance(before, done), before)))
        this.#log.error("undo step failed", { step: describeOperation(operation), error: messageOf(error) });
      throw failed(failure.operation, failure.error);
    }
    this.#commit(wants);
    return operations;
  }

  /** Takes everything away that these scopes want, carrying on past failures. @returns what could not be removed */
  release(scopes: Iterable<string>): readonly FairwayError[] {
    const wants = new Map([...scopes].map((scope) => [scope, undefined]));
    const [before, after] = this.#pair(wants);
    const failures = this.#runAll(diff(before, after));
    this.#commit(wants);
    return failures.map(({ operation, error }) => failed(operation, error));
  }

  /** Records wants without touching the kernel: what the store says a former run had made. `repair` then makes it true. */
  adopt(wants: Wants): void {
    this.#commit(wants);
  }

  /** What a scope wants now. */
  wantsOf(scope: string): DesiredState | undefined {
    return this.#scopes.get(scope);
  }

  /** The item of a key (`keyOf`) and who wants it. */
  wanted(key: string): { readonly item: Item; readonly scopes: ReadonlySet<string> } | undefined {
    return this.#wanted.get(key);
  }

  /** Scopes that want an item of some type. */
  scopesWith(type: Item["type"]): Set<string> {
    const found = new Set<string>();
    for (const { item, scopes } of this.#wanted.values()) if (item.type === type) for (const scope of scopes) found.add(scope);
    return found;
  }

  /** Scopes that want something which goes with a link of the host's (`hangsOn`). Looks at every item: for rare events. */
  scopesOn(link: string): Set<string> {
    const found = new Set<string>();
    for (const { item, scopes } of this.#wanted.values()) if (hangsOn(item, link)) for (const scope of scopes) found.add(scope);
    return found;
  }

  scopes(): IterableIterator<string> {
    return this.#scopes.keys();
  }

  /** Desired against actual. `only` limits it to some scopes, and then strays are not looked for. */
  drift(only?: Iterable<string>): readonly Drift[] {
    const wanted = only ? this.#union(only) : [...this.#wanted.values()].map(({ item }) => item);
    const { actual, strays } = this.#executor.observe(wanted);
    const found = diff(actual, wanted).map((operation): Drift => {
      const item = operation.action === "delete" ? operation.before : operation.item;
      const kind = operation.action === "create" ? "missing" : "different";
      return { kind, scopes: [...(this.#wanted.get(keyOf(item))?.scopes ?? [])], description: describeItem(item), operation };
    });
    if (only) return found;
    const stray = diff(strays, []).map(
      (operation): Drift => ({
        kind: "stray",
        scopes: [],
        description: describeItem(operation.action === "delete" ? operation.before : operation.item),
        operation,
      }),
    );
    return [...found, ...stray];
  }

  /** Puts drift right. @returns what was; steps that fail are logged, and drift still */
  repair(only?: Iterable<string>): readonly Drift[] {
    const found = this.drift(only);
    // Strays first: one may hold a name or an element key that a wanted item needs.
    const ordered = [...found.filter(({ kind }) => kind === "stray"), ...found.filter(({ kind }) => kind !== "stray")];
    const failures = this.#runAll(ordered.map(({ operation }) => operation));
    for (const { operation, error } of failures)
      this.#log.warn("repair step failed", { step: describeOperation(operation), error: messageOf(error) });
    const left = new Set(failures.map(({ operation }) => operation));
    return found.filter(({ operation }) => !left.has(operation));
  }

  /** Carries out all that can be: after a failure what has not been done yet, before it or behind, is tried again without the step that failed. */
  #runAll(operations: readonly Operation[]): readonly Failure[] {
    const failures: Failure[] = [];
    const settled = new Set<Operation>();
    let rest = operations;
    while (rest.length > 0) {
      const { done, failure } = this.#executor.run(rest);
      if (!failure) break;
      failures.push(failure);
      for (const operation of [...done, failure.operation]) settled.add(operation);
      rest = rest.filter((operation) => !settled.has(operation));
    }
    return failures;
  }

  #pair(wants: Wants): [before: Item[], after: Item[]] {
    const before = this.#union(wants.keys());
    const after: Item[] = [];
    for (const state of wants.values()) if (state) after.push(...state);
    const afterKeys = new Set(after.map(keyOf));
    for (const item of before) {
      const key = keyOf(item);
      if (afterKeys.has(key)) continue;
      for (const scope of this.#wanted.get(key)?.scopes ?? []) {
        if (wants.has(scope)) continue;
        after.push(item);
        break;
      }
    }
    // What another scope has made already is not made again.
    const beforeKeys = new Set(before.map(keyOf));
    for (const item of after) {
      const held = this.#wanted.get(keyOf(item));
      if (held && !beforeKeys.has(keyOf(item))) before.push(held.item);
    }
    return [before, after];
  }

  #union(scopes: Iterable<string>): Item[] {
    const items = new Map<string, Item>();
    for (const scope of scopes) for (const item of this.#scopes.get(scope) ?? []) items.set(keyOf(item), item);
    return [...items.values()];
  }

  #commit(wants: Wants) {
    for (const [scope, state] of wants) {
      for (const item of this.#scopes.get(scope) ?? []) {
        const entry = this.#wanted.get(keyOf(item));
        entry?.scopes.delete(scope);
        if (entry?.scopes.size === 0) this.#wanted.delete(keyOf(item));
      }
      if (!state) this.#scopes.delete(scope);
      else this.#scopes.set(scope, state);
    }
    for (const [scope, state] of wants) {
      for (const item of state ?? []) {
        const key = keyOf(item);
        const entry = this.#wanted.get(key);
        if (entry) {
          entry.item = item;
          entry.scopes.add(scope);
        } else this.#wanted.set(key, { item, scopes: new Set([scope]) });
      }
    }
  }
}

/** The state after some operations of a diff have been done. */
function advance(before: DesiredState, done: readonly Operation[]): Item[] {
  const state = new Map(before.map((item) => [keyOf(item), item]));
  for (const operation of done) {
    if (operation.action === "delete") state.delete(keyOf(operation.before));
    else state.set(keyOf(operation.item), operation.item);
  }
  return [...state.values()];
}

function failed(operation: Operation, error: unknown): FairwayError {
  const category = error instanceof FairwayError ? error.category : "internal";
  const context = { step: describeOperation(operation), ...(error instanceof FairwayError ? error.context : {}) };
  const hint = hintOf(operation, error);
  return new FairwayError(category, `${describeOperation(operation).slice(2)}: ${messageOf(error)}${hint === "" ? "" : `; ${hint}`}`, {
    code: "apply-failed",
    context,
    cause: error,
  });
}

import { readFileSync } from "node:fs";
import { HOST } from "#base";
import { Errno, isErrno } from "#kernel/ffi";
import { type Element, loadRuleset, type NftOperation, NftSocket, type SetSchema, sandboxTable } from "#kernel/nftables";
import type { Operation } from "./diff.ts";
import type { RunResult } from "./executor.ts";
import type { Firewall } from "./firewall.ts";
import { itemOf, placesOf, setsOf } from "./ruleset/placement.ts";
import { SETS } from "./sets.ts";
import type { ElementItem, SandboxTableItem, SetName } from "./types.ts";

const RULESET = new URL("./ruleset/fairway.nft", import.meta.url);
const NAMES = Object.keys(SETS) as SetName[];
const TABLES = [
  { family: "inet", table: "fairway" },
  { family: "bridge", table: "fairway" },
] as const;

/** The tables `fairway` of the host's namespace: the fixed ruleset, loaded once, and its elements. */
export class NftFirewall implements Firewall, Disposable {
  readonly #ruleset = readFileSync(RULESET, "utf8");
  #socket: NftSocket | undefined;

  get #nft(): NftSocket {
    return (this.#socket ??= NftSocket.open(HOST));
  }

  /** Loads the ruleset. Elements, the chain `user` and established connections are not touched. */
  load(): void {
    loadRuleset(this.#ruleset, HOST);
  }

  /** False when somebody deleted a table of ours, as `nft flush ruleset` does. */
  get loaded(): boolean {
    return TABLES.every((table) => this.#nft.table(table) !== undefined);
  }

  /** Takes our tables away, with all that is in them. */
  unload(): void {
    const present = TABLES.filter((table) => this.#nft.table(table) !== undefined);
    this.#nft.transaction(present.map((table) => ({ op: "deleteTable", ...table })));
  }

  elements(operations: readonly Operation[]): RunResult {
    const steps = transactionOf(operations);
    try {
      this.#nft.transaction(steps);
    } catch (error) {
      if (!isErrno((error as Error).cause ?? error, Errno.ENOENT) || this.loaded)
        return { done: [], failure: { operation: operations[0]!, error } };
      this.load();
      this.#nft.transaction(steps);
    }
    return { done: operations };
  }

  table(ns: string, table: SandboxTableItem | undefined): void {
    using nft = NftSocket.open(ns);
    nft.transaction(sandboxTable(table));
  }

  read(): readonly ElementItem[] {
    if (!this.loaded) return [];
    return NAMES.flatMap((name) => {
      const { main, any, range } = setsOf(name);
      return [main, any, range].flatMap((set) =>
        set ? this.#nft.readElements(set).map((element) => itemOf(name, { set, ...element })) : [],
      );
    });
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

/** One transaction: all deletions first, so that a changed value may take its key's place. One step a set. */
function transactionOf(operations: readonly Operation[]): NftOperation[] {
  const removed = new Batch();
  const added = new Batch();
  for (const operation of operations) {
    if (operation.action !== "create") removed.add(operation.before as ElementItem);
    if (operation.action !== "delete") added.add(operation.item as ElementItem);
  }
  return [
    ...removed.sets.map(([set, elements]): NftOperation => ({ op: "deleteElements", set, elements, ifPresent: true })),
    ...added.sets.map(([set, elements]): NftOperation => ({ op: "addElements", set, elements })),
  ];
}

class Batch {
  readonly #bySet = new Map<string, [SetSchema, Element[]]>();

  add(item: ElementItem): void {
    for (const { set, key, value } of placesOf(item)) {
      const id = `${set.family} ${set.set}`;
      let entry = this.#bySet.get(id);
      if (!entry) {
        entry = [set, []];
        this.#bySet.set(id, entry);
      }
      entry[1].push({ key, ...(value ? { value } : {}) });
    }
  }

  get sets(): [SetSchema, Element[]][] {
    return [...this.#bySet.values()];
  }
}

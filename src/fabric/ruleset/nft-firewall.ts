import { readFileSync } from "node:fs";
import { FairwayError, HOST } from "#base";
import { Errno, isErrno } from "#kernel/ffi";
import {
  type Element,
  hasSandboxTables,
  isOfSchema,
  listChain,
  loadRuleset,
  type NftOperation,
  NftSocket,
  type SetSchema,
  setSandboxTables,
  TransactionError,
} from "#kernel/nftables";
import type { Operation } from "../diff.ts";
import type { RunResult } from "../executor.ts";
import type { Firewall } from "../firewall.ts";
import { SETS } from "../sets.ts";
import type { ElementItem, NamespaceRef, SandboxTableItem, SetName } from "../types.ts";
import { itemOf, placesOf, setsOf } from "./placement.ts";

/** The text of `fairway.nft`. */
export const rulesetText = (): string => readFileSync(new URL("fairway.nft", import.meta.url), "utf8");

const TABLES = [
  { family: "inet", table: "fairway" },
  { family: "bridge", table: "fairway" },
] as const;
const USER = { ...TABLES[0], chain: "user" } as const;

/**
 * A table of this process alone, that no `flush ruleset` takes away. Its one chain keeps the kernel translating established connections
 * while ours are gone: else each packet of those milliseconds would meet a port where nobody listens, and a reset end its connection.
 */
const KEEP = { family: "inet", table: "fairway-keep" } as const;

/** What an administrator who saves the ruleset reads: nft cannot load a table that a running program owns. */
const KEEP_COMMENT = "fairwayd's own while it runs; leave this table out of saved rulesets";

/** A value no set has: what an element shows whose twin is missing, so that a diff makes both anew. */
const INCOMPLETE = ["incomplete"];

const idOf = ({ key }: Element): string => key.join(" ");

/** The host's half of netfilter: the fixed ruleset and its elements, and the tables of sandboxes. */
export class NftFirewall implements Firewall, Disposable {
  readonly #namespace: NamespaceRef;
  readonly #socket: NftSocket;
  /** Handles of the ruleset's rules as they were loaded; a rule that was taken away or replaced has another. */
  #rules: ReadonlySet<string> | undefined;
  /** The administrator's chain, as nft lists it; kept for the day somebody flushes the whole ruleset. */
  #user: string | undefined;

  /** @throws SystemError when the namespace cannot be entered */
  constructor(namespace: NamespaceRef = HOST) {
    this.#namespace = namespace;
    this.#socket = NftSocket.open(namespace);
  }

  /**
   * Loads the ruleset, or puts it right: elements, the chain `user` and connections stay as they are. Where another version declared a set
   * otherwise the tables are made anew, and the elements are for the fabric to repair.
   * @throws FairwayError with nft's own words
   */
  load(): void {
    this.rememberUserChain();
    if (this.#isOfAnotherVersion()) this.unload();
    const hadUser = this.#userChain().chain;
    this.#run(rulesetText());
    if (this.#user && !hadUser) this.#run(this.#user);
    this.#keepTranslating();
    this.#rules = this.#handles();
  }

  #run(commands: string): void {
    loadRuleset(commands, this.#namespace);
    this.#socket.adoptGeneration();
  }

  #keepTranslating(): void {
    const chain = { ...KEEP, chain: "established" } as const;
    try {
      this.#socket.transaction([
        { op: "addTable", ...KEEP, owned: true, comment: KEEP_COMMENT },
        { op: "addChain", ...chain, base: { type: "nat", hook: "output", priority: 300 } },
        { op: "flushChain", ...chain },
        // The chain holds the kernel's NAT hooks, the rule's question about conntrack those of conntrack.
        { op: "addRule", ...chain, expressions: [{ expr: "ct", key: "state", dreg: 1 }] },
      ]);
    } catch (error) {
      // Another daemon's, or a kernel before 5.12: then a flush costs the connections that talk during it.
      if (!(error instanceof TransactionError)) throw error;
    }
  }

  /** A set that is there under one of our names but is of other types. */
  #isOfAnotherVersion(): boolean {
    const wanted = (Object.keys(SETS) as SetName[]).flatMap((name) => Object.values(setsOf(name)));
    return TABLES.some((table) => {
      const schemas = new Map(wanted.filter(({ family }) => family === table.family).map((set) => [set.set, set]));
      return this.#socket.sets(table).some((info) => schemas.has(info.name) && !isOfSchema(info, schemas.get(info.name)!));
    });
  }

  /** Takes both tables away. */
  unload(): void {
    this.#socket.transaction(TABLES.flatMap((table) => [{ op: "addTable", ...table } as const, { op: "deleteTable", ...table } as const]));
    this.#rules = undefined;
  }

  /** True when every rule of ours is where `load()` put it. */
  intact(): boolean {
    if (!this.#rules) return false;
    const there = this.#handles();
    return there.size === this.#rules.size && [...this.#rules].every((rule) => there.has(rule));
  }

  /** Notes what the chain `user` holds now. Does nothing when there is none: then it was flushed, and the note is what brings it back. */
  rememberUserChain(): void {
    const { chain, rules } = this.#userChain();
    if (chain) this.#user = rules > 0 ? listChain(USER, this.#namespace) : undefined;
  }

  #userChain(): { chain: boolean; rules: number } {
    const chain = this.#socket.chains(USER).some(({ name }) => name === USER.chain);
    return { chain, rules: chain ? this.#socket.rules(USER).length : 0 };
  }

  #handles(): Set<string> {
    const handles = new Set<string>();
    for (const table of TABLES) {
      for (const { chain, handle } of this.#rulesOf(table)) if (chain !== USER.chain) handles.add(`${table.family} ${chain} ${handle}`);
    }
    return handles;
  }

  #rulesOf(table: (typeof TABLES)[number]) {
    try {
      return this.#socket.rules(table);
    } catch (error) {
      if (isErrno(error, Errno.ENOENT)) return [];
      throw error;
    }
  }

  /** Whether a generation that a monitor reports is our own doing. */
  isOwn(generation: number): boolean {
    return this.#socket.isOwn(generation);
  }

  elements(operations: readonly Operation[]): RunResult {
    const { steps, origins } = planOf(operations);
    try {
      this.#transact(steps);
      return { done: operations };
    } catch (error) {
      const element = error instanceof TransactionError ? error.element : undefined;
      const set = error instanceof TransactionError && "set" in error.operation ? error.operation.set.set : undefined;
      const culprit = (element && origins.get(element)) ?? operations.find((operation) => placesOfOperation(operation).includes(set ?? ""));
      return { done: [], failure: { operation: culprit ?? operations[0]!, error } };
    }
  }

  #transact(steps: readonly NftOperation[]): void {
    try {
      this.#socket.transaction(steps);
    } catch (error) {
      // Somebody flushed the ruleset, and its sets with it.
      if (!(error instanceof FairwayError) || error.code !== "enoent" || this.intact()) throw error;
      this.load();
      this.#socket.transaction(steps);
    }
  }

  table(ns: string, table: SandboxTableItem | undefined): void {
    using socket = NftSocket.open(ns);
    setSandboxTables(socket, table);
  }

  hasTable(ns: string): boolean {
    using socket = NftSocket.open(ns);
    return hasSandboxTables(socket);
  }

  read(): readonly ElementItem[] {
    const items: ElementItem[] = [];
    for (const name of Object.keys(SETS) as SetName[]) items.push(...this.#readSet(name));
    return items;
  }

  #readSet(name: SetName): ElementItem[] {
    const { main, any, range, mirror, keys } = setsOf(name);
    const items = [main, any, range].flatMap((set) => (set ? this.#elementsOf(set).map((found) => itemOf(name, { set, ...found })) : []));
    const twin = mirror ?? keys;
    if (!twin) return items;
    const twins = new Map(this.#elementsOf(twin).map((element) => [idOf(element), element]));
    const checked = items.map((item) => (twins.delete(idOf(item)) ? item : { ...item, value: INCOMPLETE }));
    for (const { key } of twins.values()) checked.push({ type: "element", set: name, key, value: INCOMPLETE });
    return checked;
  }

  #elementsOf(set: SetSchema): Element[] {
    try {
      return this.#socket.readElements(set);
    } catch (error) {
      if (isErrno(error, Errno.ENOENT)) return [];
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

function placesOfOperation(operation: Operation): string[] {
  const item = operation.action === "delete" ? operation.before : operation.item;
  return item.type === "element" ? placesOf(item).map(({ set }) => set.set) : [];
}

/** One nftables transaction for some element operations: deletions first, then additions, gathered by set; and which operation each element is of. */
function planOf(operations: readonly Operation[]): { steps: NftOperation[]; origins: Map<Element, Operation> } {
  const origins = new Map<Element, Operation>();
  const removed = new Map<string, { set: SetSchema; elements: Element[] }>();
  const added = new Map<string, { set: SetSchema; elements: Element[] }>();
  const gather = (into: typeof removed, item: ElementItem, operation: Operation) => {
    for (const { set, key, value } of placesOf(item)) {
      const element: Element = { key, ...(value ? { value } : {}) };
      origins.set(element, operation);
      const id = `${set.family} ${set.set}`;
      const group = into.get(id);
      if (group) group.elements.push(element);
      else into.set(id, { set, elements: [element] });
    }
  };
  for (const operation of operations) {
    if (operation.action !== "create" && operation.before.type === "element") gather(removed, operation.before, operation);
    if (operation.action !== "delete" && operation.item.type === "element") gather(added, operation.item, operation);
  }
  const steps: NftOperation[] = [
    ...Array.from(removed.values(), ({ set, elements }) => ({ op: "deleteElements", set, elements, ifPresent: true }) as const),
    ...Array.from(added.values(), ({ set, elements }) => ({ op: "addElements", set, elements }) as const),
  ];
  return { steps, origins };
}

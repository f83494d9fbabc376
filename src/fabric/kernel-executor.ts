import { HOST } from "#base";
import { namespaceExists } from "#kernel/netns";
import { RouteSocket } from "#kernel/rtnetlink";
import { linkOfSysctl, type Operation } from "./diff.ts";
import type { Executor, Observation, RunResult } from "./executor.ts";
import type { Firewall } from "./firewall.ts";
import { elementKey, keyOf } from "./key.ts";
import { LinkRemover } from "./link-removal.ts";
import { RouteSession } from "./route-session.ts";
import { Snapshot } from "./snapshot.ts";
import { readSysctl, writeSysctl } from "./sysctl.ts";
import type { DesiredState, Item, SandboxTableItem, SysctlItem } from "./types.ts";

/** What an operation goes through: netlink of one namespace, a file, an nftables transaction, a sandbox's own table. */
type Channel = "route" | "sysctl" | "elements" | "table";

const CHANNELS: Record<Item["type"], Channel> = {
  ...{ link: "route", "link-setting": "route", address: "route", route: "route", rule: "route", neighbour: "route", fdb: "route" },
  ...{ sysctl: "sysctl", element: "elements", "sandbox-table": "table" },
} as const;

const subjectOf = (operation: Operation): Item => (operation.action === "delete" ? operation.before : operation.item);

/** Links with a parent are made from where the parent is; everything else is done where it is. */
function namespaceOf(operation: Operation): string {
  const item = subjectOf(operation);
  if (item.type === "element") return HOST;
  if (item.type === "link" && operation.action === "create" && "parent" in item.data) return HOST;
  return item.ns;
}

/** Applies operations to this machine's kernel by netlink, with one batch for each run of operations that share a namespace. */
export class KernelExecutor implements Executor {
  readonly #firewall: Firewall;
  readonly #remover = new LinkRemover();
  /** Sandbox tables made by this process: another's has the ports of sockets that are closed. */
  readonly #tables = new Map<string, SandboxTableItem>();
  #hostSocket: RouteSocket | undefined;

  constructor(firewall: Firewall) {
    this.#firewall = firewall;
  }

  run(operations: readonly Operation[]): RunResult {
    const done: Operation[] = [];
    for (const group of groupsOf(operations)) {
      const result = this.#runGroup(group);
      done.push(...result.done);
      if (result.failure) return { done, failure: result.failure };
    }
    return { done };
  }

  #runGroup(group: readonly Operation[]): RunResult {
    const channel = CHANNELS[subjectOf(group[0]!).type];
    if (channel === "elements") return this.#firewall.elements(group);
    if (channel !== "route") return oneByOne(group, (operation) => this.#single(operation));
    const ns = namespaceOf(group[0]!);
    const leaving = group.every(({ action }) => action === "delete");
    if (ns !== HOST && leaving && !namespaceExists(ns)) return { done: group };
    try {
      if (ns === HOST) return this.#converse(ns, (this.#hostSocket ??= RouteSocket.open(HOST)), group);
      using socket = RouteSocket.open(ns);
      return this.#converse(ns, socket, group);
    } catch (error) {
      return { done: [], failure: { operation: group[0]!, error } };
    }
  }

  #converse(ns: string, socket: RouteSocket, group: readonly Operation[]): RunResult {
    using session = new RouteSession(ns, socket, this.#remover);
    return session.run(group);
  }

  #single(operation: Operation): void {
    const item = subjectOf(operation);
    const gone = operation.action === "delete";
    if (item.type === "sysctl" && !gone) writeSysctl(item);
    else if (item.type === "sandbox-table") {
      if (gone && !namespaceExists(item.ns)) return;
      this.#firewall.table(item.ns, gone ? undefined : item);
      if (gone) this.#tables.delete(item.ns);
      else this.#tables.set(item.ns, item);
    }
  }

  observe(wanted: DesiredState): Observation {
    const snapshots = new Map<string, Snapshot | undefined>();
    const snapshot = (ns: string): Snapshot | undefined => {
      if (!snapshots.has(ns)) snapshots.set(ns, ns === HOST || namespaceExists(ns) ? new Snapshot(ns) : undefined);
      return snapshots.get(ns);
    };
    const elements = new Map(this.#firewall.read().map((element) => [elementKey(element), element]));
    const actual: Item[] = [];
    for (const item of wanted) {
      const found = this.#actual(item, snapshot, elements);
      if (found) actual.push(found);
    }
    const keys = new Set(wanted.map(keyOf));
    const links = new Set(wanted.flatMap((item) => (item.type === "link" && item.ns === HOST ? [item.name] : [])));
    const strays: Item[] = snapshot(HOST)!.strays(links, (index) => this.#remover.isLeaving(index));
    for (const element of elements.values()) if (!keys.has(keyOf(element))) strays.push(element);
    return { actual, strays };
  }

  close(): void {
    this.#remover.close();
    this.#hostSocket?.[Symbol.dispose]();
    this.#hostSocket = undefined;
  }

  #actual(item: Item, snapshot: (ns: string) => Snapshot | undefined, elements: ReadonlyMap<string, Item>): Item | undefined {
    if (item.type === "element") return elements.get(elementKey(item));
    if (item.type === "sandbox-table") return namespaceExists(item.ns) ? this.#actualTable(item.ns) : item;
    if (item.type === "sysctl") return item.ns === HOST ? actualSysctl(item) : sandboxSysctl(item, snapshot(item.ns));
    // A namespace that is gone is the sandbox's owner's business, not drift: nothing can be put into it.
    const where = snapshot(item.ns);
    return where ? where.actual(item, snapshot) : item;
  }

  #actualTable(ns: string): SandboxTableItem | undefined {
    const made = this.#tables.get(ns);
    return made && this.#firewall.hasTable(ns) ? made : undefined;
  }
}

function actualSysctl(item: SysctlItem): Item | undefined {
  const value = readSysctl(item.ns, item.key);
  if (value === undefined) return item.optional ? item : undefined;
  return value === item.value ? item : { ...item, value };
}

/**
 * Inside a sandbox a container may change its own sysctls: that is no drift. But links there have no IPv6 before they are given it, and without it no
 * address of ours. Those of a link that is gone went with it.
 */
function sandboxSysctl(item: SysctlItem, where: Snapshot | undefined): Item | undefined {
  const link = linkOfSysctl(item.key);
  if (!where || link === undefined) return item;
  if (!where.links.has(link)) return undefined;
  return item.key.endsWith("/disable_ipv6") && item.value === "0" ? actualSysctl(item) : item;
}

/** Runs of operations that go through one channel of one namespace. */
function groupsOf(operations: readonly Operation[]): Operation[][] {
  const groups: Operation[][] = [];
  let last = "";
  for (const operation of operations) {
    const where = `${CHANNELS[subjectOf(operation).type]} ${namespaceOf(operation)}`;
    if (where === last) groups.at(-1)!.push(operation);
    else groups.push([operation]);
    last = where;
  }
  return groups;
}

function oneByOne(group: readonly Operation[], act: (operation: Operation) => void): RunResult {
  const done: Operation[] = [];
  for (const operation of group) {
    try {
      act(operation);
      done.push(operation);
    } catch (error) {
      return { done, failure: { operation, error } };
    }
  }
  return { done };
}

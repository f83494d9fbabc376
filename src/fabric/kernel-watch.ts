import { HOST, type Log, silentLog } from "#base";
import type { Poller } from "#kernel/ffi";
import { type Link, type RouteEvent, RouteMonitor, RouteSocket } from "#kernel/rtnetlink";
import type { Drift, Fabric } from "./fabric.ts";
import { type NftFirewall, RulesetGuard } from "./ruleset/mod.ts";
import type { Item, LinkItem } from "./types.ts";

export interface KernelWatchOptions {
  readonly fabric: Fabric;
  readonly poller: Poller;
  /** Undefined: the firewall is not ours to guard. */
  readonly firewall?: NftFirewall;
  readonly log?: Log;
  onRepair?(repaired: readonly Drift[]): void;
  /** Links of the host's that got or lost addresses, by name. */
  onAddresses?(links: readonly string[]): void;
}

/** A repair that keeps being undone is somebody's intent: it is tried this often a minute, then left and said so. */
const REPAIRS_A_MINUTE = 30;

/**
 * Watches the host's namespace and repairs what somebody else changed of ours. It is told of every change, ours too; a change matters only where
 * the object it is about now differs from what is wanted, which costs one look into an index.
 */
export class KernelWatch implements Disposable {
  readonly #options: KernelWatchOptions;
  readonly #log: Log;
  readonly #monitor: RouteMonitor;
  readonly #guard: RulesetGuard | undefined;
  readonly #recent: number[] = [];
  /** Index of each link that others may hang on, negative while it is down. */
  readonly #parents = new Map<string, number>();

  constructor(options: KernelWatchOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    const { poller, firewall, fabric } = options;
    this.#monitor = new RouteMonitor({
      namespace: HOST,
      groups: ["link", "address", "route"],
      poller,
      onEvents: (events) => this.#look(events),
    });
    if (firewall) {
      this.#guard = new RulesetGuard({ firewall, poller, log: this.#log, onElements: () => this.#repair(fabric.scopesWith("element")) });
    }
  }

  #look(events: readonly RouteEvent[]): void {
    const { fabric } = this.#options;
    const scopes = new Set<string>();
    const links = new Map<string, Extract<RouteEvent, { type: "link" }>>();
    const addressed = new Set<number>();
    const add = (found: Iterable<string>) => {
      for (const scope of found) scopes.add(scope);
    };
    for (const event of events) {
      if (event.type === "resync") add(fabric.scopes());
      else if (event.type === "link") {
        links.set(event.link.name, event);
      } else if (event.type === "address") {
        const { index, address } = event.address;
        addressed.add(index);
        if (event.removed) add(this.#scopesOn(index, (name) => `address ${HOST} ${name} ${address}`));
      } else if (event.type === "route" && event.removed && event.route.index !== undefined) {
        const { table, destination, metric } = event.route;
        add(fabric.wanted(`route ${HOST} ${table} ${destination} ${metric ?? 0}`)?.scopes ?? []);
      }
    }
    add(this.#scopesOfChanged([...links.values()]));
    for (const { link, removed } of links.values()) if (this.#isNewParent(link, removed)) add(fabric.scopesAbove(link.name));
    if (scopes.size > 0) this.#repair(scopes);
    if (addressed.size > 0) this.#tellAddressed(addressed);
  }

  #tellAddressed(indexes: Iterable<number>): void {
    using socket = RouteSocket.open(HOST);
    const names = [...indexes].flatMap((index) => socket.link(index)?.name ?? []);
    if (names.length > 0) this.#options.onAddresses?.(names);
  }

  #wantedLink(name: string) {
    const { fabric } = this.#options;
    return fabric.wanted(`link ${HOST} ${name}`) ?? fabric.wanted(`setting ${HOST} ${name}`);
  }

  /** An event tells how a link was: each of ours is announced before it is up and has its master. So what differs is looked at again as it is now. */
  #scopesOfChanged(events: readonly Extract<RouteEvent, { type: "link" }>[]): string[] {
    const suspects = events.flatMap(({ link, removed }) => {
      const wanted = this.#wantedLink(link.name);
      return wanted && (removed || this.#differs(wanted.item, link)) ? [{ name: link.name, wanted }] : [];
    });
    if (suspects.length === 0) return [];
    using socket = RouteSocket.open(HOST);
    return suspects.flatMap(({ name, wanted }) => {
      const link = socket.link(name);
      return !link || this.#differs(wanted.item, link) ? [...wanted.scopes] : [];
    });
  }

  /** With a parent goes all that hangs on it, in the containers too; here is a link that may be one again, or is up again. */
  #isNewParent({ name, index, up }: Link, removed: boolean): boolean {
    const wanted = this.#wantedLink(name)?.item;
    if (wanted?.type === "link" && wanted.data.kind !== "vlan" && wanted.data.kind !== "dummy") return false;
    const state = up ? index : -index;
    if (removed) this.#parents.delete(name);
    else if (this.#parents.get(name) !== state) {
      this.#parents.set(name, state);
      return true;
    }
    return false;
  }

  #scopesOn(index: number, keyOf: (name: string) => string): Iterable<string> {
    using socket = RouteSocket.open(HOST);
    const name = socket.link(index)?.name;
    return name === undefined ? [] : (this.#options.fabric.wanted(keyOf(name))?.scopes ?? []);
  }

  #differs(item: Item, link: Link): boolean {
    if (item.type === "link-setting") return item.up === true && !link.up;
    if (item.type !== "link") return false;
    return (item.up && !link.up) || (item.mtu !== undefined && item.mtu !== link.mtu) || (isPort(item) && link.master === undefined);
  }

  #repair(scopes: Iterable<string>): void {
    const now = performance.now();
    while (this.#recent.length > 0 && now - this.#recent[0]! > 60_000) this.#recent.shift();
    const { fabric, onRepair } = this.#options;
    const drift = fabric.drift(scopes);
    if (drift.length === 0) return;
    if (this.#recent.length >= REPAIRS_A_MINUTE) {
      this.#log.error("drift left as it is: something keeps undoing repairs", {
        what: drift.map(({ description }) => description).join(", "),
      });
      return;
    }
    this.#recent.push(now);
    const repaired = fabric.repair(scopes);
    for (const { description, kind } of repaired) this.#log.warn("repaired", { what: description, was: kind });
    onRepair?.(repaired);
  }

  [Symbol.dispose](): void {
    this.#guard?.[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
  }
}

const isPort = (link: LinkItem): boolean => link.master !== undefined;

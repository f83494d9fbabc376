import { HOST, type Log, messageOf, silentLog } from "#base";
import { interfaceIndex, type Poller } from "#kernel/ffi";
import { type Address, type Link, type Route, type RouteEvent, RouteMonitor, RouteSocket } from "#kernel/rtnetlink";
import type { Drift, Fabric } from "./fabric.ts";
import { keyOf, routeKey } from "./key.ts";
import { type NftFirewall, RulesetGuard } from "./ruleset/mod.ts";
import type { LinkItem, LinkSettingItem } from "./types.ts";

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

/** A repair that keeps being undone is somebody's intent: an object is repaired this often a minute, then left and said so. */
const REPAIRS_A_MINUTE = 30;
const MINUTE = 60_000;

/** Milliseconds until all is looked at because one look failed: no descriptor was left, or a list never stood still. */
const RETRY = 1000;

/**
 * Watches the host's namespace and repairs what somebody else changed of ours. It is told of every change, ours too; a change matters only where
 * the object it is about now differs from what is wanted, which costs one look into an index.
 */
export class KernelWatch implements Disposable {
  readonly #options: KernelWatchOptions;
  readonly #log: Log;
  readonly #monitor: RouteMonitor;
  readonly #guard: RulesetGuard | undefined;
  /** When what was repaired in the last minute. */
  readonly #recent = new Map<string, number[]>();
  /** Index of each link that others may hang on, negative while it is down. */
  readonly #parents = new Map<string, number>();
  #retry: NodeJS.Timeout | undefined;

  constructor(options: KernelWatchOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    const { poller, firewall, fabric } = options;
    this.#monitor = new RouteMonitor({
      namespace: HOST,
      groups: ["link", "address", "route"],
      poller,
      onEvents: (events) => this.#attempt(() => this.#look(events)),
    });
    if (firewall) {
      this.#guard = new RulesetGuard({ firewall, poller, log: this.#log, onElements: () => this.#repair(fabric.scopesWith("element")) });
    }
  }

  /** What a failed look would have seen is told by no further event: everything is looked at in a while. */
  #attempt(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#log.error("changes of the kernel not looked at, to be tried again", { error: messageOf(error) });
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined;
        this.#attempt(() => this.#lookAtAll());
      }, RETRY).unref();
    }
  }

  #lookAtAll(): void {
    this.#parents.clear();
    this.#repair([...this.#options.fabric.scopes()]);
    using socket = RouteSocket.open(HOST);
    this.#options.onAddresses?.(socket.links().map(({ name }) => name));
  }

  #look(events: readonly RouteEvent[]): void {
    if (events.some(({ type }) => type === "resync")) {
      this.#lookAtAll();
      return;
    }
    const links = new Map<string, { readonly link: Link; readonly removed: boolean }>();
    const suspects = new Set<string>();
    const addressed = new Set<number>();
    const lost: Address[] = [];
    const scopes = new Set<string>();
    const add = (found: Iterable<string>) => {
      for (const scope of found) scopes.add(scope);
    };
    for (const event of events) {
      if (event.type === "link") for (const name of namesOf(event.link)) links.set(name, event);
      else if (event.type === "bridge-port") {
        const item = this.#wantedLink(event.change.name)?.item;
        if (item?.type === "link" && item.hairpin !== undefined && item.hairpin !== event.change.port.hairpin) suspects.add(item.name);
      } else if (event.type === "address") {
        addressed.add(event.address.index);
        if (event.removed) lost.push(event.address);
      } else if (event.type === "route") add(this.#scopesOfRoute(event.route, event.removed));
    }
    for (const [name, { link, removed }] of links) if (removed || this.#differs(name, link)) suspects.add(name);
    add(this.#scopesOfChanged(suspects));
    add(this.#scopesOfLost(lost));
    for (const [name, { link, removed }] of links) if (this.#isNewParent(name, link, removed)) add(this.#options.fabric.scopesOn(name));
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

  #differs(name: string, link: Link): boolean {
    const item = this.#wantedLink(name)?.item;
    return (
      item !== undefined &&
      ((item.type === "link" && linkDiffers(item, link)) || (item.type === "link-setting" && settingDiffers(item, link)))
    );
  }

  /**
   * An event tells how a link was: each of ours is announced before it is up and has its master. So what differed is looked at again as it is now.
   * What hangs on a link may have gone with it though nothing tells of that, as an IPv4 route does when its link goes down.
   */
  #scopesOfChanged(suspects: Iterable<string>): string[] {
    const { fabric } = this.#options;
    const wanted = [...suspects].filter((name) => this.#wantedLink(name) !== undefined);
    if (wanted.length === 0) return [];
    using socket = RouteSocket.open(HOST);
    return wanted.flatMap((name) => {
      const link = socket.link(name);
      return !link || this.#differs(name, link) ? [...this.#wantedLink(name)!.scopes, ...fabric.scopesOn(name)] : [];
    });
  }

  /** With the last IPv4 address of a link go its IPv4 routes, untold. */
  #scopesOfLost(addresses: readonly Address[]): string[] {
    const { fabric } = this.#options;
    if (addresses.length === 0) return [];
    using socket = RouteSocket.open(HOST);
    return addresses.flatMap(({ index, address }) => {
      const link = socket.link(index)?.name;
      const wanted = link === undefined ? undefined : fabric.wanted(keyOf({ type: "address", ns: HOST, link, address }));
      return wanted ? [...wanted.scopes, ...fabric.scopesOn(link!)] : [];
    });
  }

  #scopesOfRoute(route: Route, removed: boolean): readonly string[] {
    const wanted = this.#options.fabric.wanted(routeKey(HOST, route));
    if (wanted?.item.type !== "route") return [];
    const { gateway, link } = wanted.item;
    return removed || route.gateway !== gateway || route.index !== interfaceIndex(link) ? [...wanted.scopes] : [];
  }

  /** With a parent goes all that hangs on it, in the containers too; here is a link that may be one again, or is up again. */
  #isNewParent(name: string, { index, up }: Link, removed: boolean): boolean {
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

  #repair(scopes: Iterable<string>): void {
    const { fabric, onRepair } = this.#options;
    const now = performance.now();
    for (const [what, times] of this.#recent) if (now - times.at(-1)! > MINUTE) this.#recent.delete(what);
    const drift = fabric.drift(scopes);
    const undone = drift.filter(({ description }) => (this.#recent.get(description)?.length ?? 0) >= REPAIRS_A_MINUTE);
    if (undone.length > 0)
      this.#log.error("drift left as it is: something keeps undoing repairs", {
        what: undone.map(({ description }) => description).join(", "),
      });
    const fresh = drift.filter((each) => !undone.includes(each));
    if (fresh.length === 0) return;
    for (const { description } of fresh) {
      const times = this.#recent.get(description)?.filter((time) => now - time <= MINUTE) ?? [];
      this.#recent.set(description, [...times, now]);
    }
    const repaired = fabric.repair(new Set(fresh.flatMap(({ scopes }) => scopes)));
    for (const { description, kind } of repaired) this.#log.warn("repaired", { what: description, was: kind });
    if (repaired.length > 0) onRepair?.(repaired);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#retry);
    this.#guard?.[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
  }
}

const namesOf = ({ name, alternativeNames = [] }: Link): string[] => [name, ...alternativeNames];

const settingDiffers = ({ up, mac, mtu, promiscuous }: LinkItem | LinkSettingItem, link: Link): boolean =>
  (up === true && !link.up) ||
  (mac !== undefined && mac !== link.mac) ||
  (mtu !== undefined && mtu !== link.mtu) ||
  (promiscuous !== undefined && promiscuous !== link.promiscuous);

const linkDiffers = (item: LinkItem, link: Link): boolean =>
  settingDiffers(item, link) ||
  item.alias !== (link.alias ?? "") ||
  (item.master !== undefined && link.master !== interfaceIndex(item.master)) ||
  (item.hairpin !== undefined && item.hairpin !== (link.bridgePort?.hairpin ?? false));

import { ALIAS_PREFIX, HOST } from "#base";
import { type BridgePort, type FdbEntry, type Link, type Neighbour, type Route, RouteSocket, type Rule } from "#kernel/rtnetlink";
import { keyOf, routeKey } from "./key.ts";
import type { Item, LinkData, LinkItem } from "./types.ts";

/** What one namespace has now, read once and only as far as it is asked for. */
export class Snapshot {
  readonly ns: string;
  readonly links: ReadonlyMap<string, Link>;
  readonly #byIndex: ReadonlyMap<number, Link>;
  readonly #read: <T>(read: (socket: RouteSocket) => T) => T;
  readonly #cache: {
    addresses?: Set<string>;
    routes?: Map<string, Route>;
    rules?: Rule[];
    neighbours?: Map<string, Neighbour>;
    fdb?: FdbEntry[];
  } = {};

  constructor(ns: string) {
    this.ns = ns;
    this.#read = (read) => {
      using socket = RouteSocket.open(ns);
      return read(socket);
    };
    using socket = RouteSocket.open(ns);
    const links = socket.links();
    this.links = new Map(links.map((link) => [link.name, link]));
    this.#byIndex = new Map(links.map((link) => [link.index, link]));
    if (ns === HOST) return;
    // A sandbox has few of each, and all are asked for: with one socket for the three.
    this.#cache.addresses = this.#addressesOf(socket);
    this.#cache.routes = this.#routesOf(socket);
  }

  #byAlternativeName(name: string): Link | undefined {
    for (const link of this.links.values()) if (link.alternativeNames?.includes(name)) return link;
    return undefined;
  }

  nameOf(index: number | undefined): string | undefined {
    return index === undefined ? undefined : this.#byIndex.get(index)?.name;
  }

  /** What stands where `item` should: an equal item, one with other attributes, or undefined. */
  actual(item: Item, peers: (ns: string) => Snapshot | undefined): Item | undefined {
    switch (item.type) {
      case "link":
        return this.#link(item, peers);
      case "link-setting": {
        const link = this.links.get(item.name) ?? this.#byAlternativeName(item.name);
        if (!link) return undefined;
        const same =
          (item.up ?? link.up) === link.up &&
          (item.mac ?? link.mac) === link.mac &&
          (item.mtu ?? link.mtu) === link.mtu &&
          (item.promiscuous ?? link.promiscuous) === link.promiscuous;
        return same ? item : { type: "link-setting", ns: item.ns, name: item.name, up: link.up, mtu: link.mtu };
      }
      case "address":
        return this.#addresses.has(`${item.link} ${item.address}`) ? item : undefined;
      case "route":
        return this.#route(item);
      case "rule": {
        const same = this.#rules.some(
          (rule) =>
            rule.family === item.family &&
            rule.priority === item.priority &&
            rule.table === item.table &&
            rule.from === item.from &&
            rule.to === item.to &&
            rule.mark === item.mark,
        );
        return same ? item : undefined;
      }
      case "neighbour": {
        const found = this.#neighbours.get(`${item.link} ${item.address}`);
        return found?.state === "permanent" ? { ...item, mac: found.mac ?? "" } : undefined;
      }
      case "fdb": {
        const index = this.links.get(item.link)?.index;
        const found = this.#fdb.some((entry) => entry.index === index && entry.mac === item.mac && entry.destination === item.destination);
        return found ? item : undefined;
      }
      default:
        return item;
    }
  }

  /** Links of ours that nobody wants and that are not on their way out. */
  strays(wanted: ReadonlySet<string>, isLeaving: (index: number) => boolean): LinkItem[] {
    const found: LinkItem[] = [];
    for (const link of this.links.values()) {
      if (!link.alias?.startsWith(ALIAS_PREFIX) || wanted.has(link.name) || isLeaving(link.index)) continue;
      const data = { kind: link.kind ?? "dummy", parent: "", peer: { ns: this.ns, name: "" } } as unknown as LinkData;
      found.push({ type: "link", ns: this.ns, name: link.name, data, alias: link.alias, up: link.up });
    }
    return found;
  }

  #link(item: LinkItem, peers: (ns: string) => Snapshot | undefined): Item | undefined {
    const link = this.links.get(item.name);
    if (!link) return undefined;
    const master = this.nameOf(link.master);
    const port: BridgePort = link.bridgePort ?? {};
    return {
      ...{
        type: "link",
        ns: item.ns,
        name: item.name,
        data: this.#data(item, link, peers),
        alias: link.alias ?? (item.ns === "host" ? "" : item.alias),
      },
      up: link.up,
      ...(item.mac ? { mac: link.mac ?? "" } : {}),
      ...(item.mtu ? { mtu: link.mtu } : {}),
      ...(item.master || master ? { master: master ?? "" } : {}),
      ...(item.hairpin === undefined ? {} : { hairpin: port.hairpin ?? false }),
      ...(item.promiscuous === undefined ? {} : { promiscuous: link.promiscuous }),
    };
  }

  /** The wanted data where the link is as wanted, else what tells it apart. */
  #data(item: LinkItem, link: Link, peers: (ns: string) => Snapshot | undefined): LinkData {
    const { data } = item;
    if (link.kind !== data.kind) return { kind: link.kind ?? "dummy" } as LinkData;
    const info = link.info;
    switch (data.kind) {
      case "veth":
        return peers(data.peer.ns)?.links.has(data.peer.name) ? data : { kind: "veth", peer: { ns: data.peer.ns, name: "" } };
      case "macvlan":
        return info?.kind === "macvlan" ? { ...data, mode: info.mode as typeof data.mode } : data;
      case "ipvlan":
        return info?.kind === "ipvlan" ? { ...data, mode: info.mode, flag: info.flag } : data;
      case "vlan":
        return info?.kind === "vlan" ? { ...data, id: info.id } : data;
      case "vxlan":
        return info?.kind === "vxlan" ? { ...data, vni: info.id } : data;
      default:
        return data;
    }
  }

  #route(item: Extract<Item, { type: "route" }>): Item | undefined {
    const found = this.#routes.get(keyOf(item));
    if (!found) return undefined;
    const { gateway: _gateway, source: _source, ...rest } = item;
    return {
      ...rest,
      link: this.nameOf(found.index) ?? "",
      ...(found.gateway ? { gateway: found.gateway } : {}),
      ...(item.source && found.source ? { source: found.source } : {}),
    };
  }

  get #addresses(): Set<string> {
    return (this.#cache.addresses ??= this.#read((socket) => this.#addressesOf(socket)));
  }

  #addressesOf(socket: RouteSocket): Set<string> {
    return new Set(socket.addresses().map(({ index, address }) => `${this.nameOf(index)} ${address}`));
  }

  get #routes(): Map<string, Route> {
    return (this.#cache.routes ??= this.#read((socket) => this.#routesOf(socket)));
  }

  #routesOf(socket: RouteSocket): Map<string, Route> {
    return new Map(socket.routes().map((route) => [routeKey(this.ns, route), route]));
  }

  get #rules(): Rule[] {
    return (this.#cache.rules ??= this.#read((socket) => socket.rules()));
  }

  get #neighbours(): Map<string, Neighbour> {
    const entries = () =>
      this.#read((socket) => socket.neighbours()).map((entry) => [`${this.nameOf(entry.index)} ${entry.address}`, entry] as const);
    return (this.#cache.neighbours ??= new Map(entries()));
  }

  get #fdb(): FdbEntry[] {
    return (this.#cache.fdb ??= this.#read((socket) => socket.fdb()));
  }
}

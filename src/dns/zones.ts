import { canonicalIp, ipToBytes } from "#base";
import { AnswerWriter } from "./answer.ts";
import { type Collision, CollisionGroup } from "./collisions.ts";
import { type NameKey, nameKey } from "./name.ts";
import { QueryReader } from "./query.ts";
import type { ServicePorts } from "./services.ts";
import { TCP_MAX_MESSAGE } from "./wire.ts";

/** Ports that an SRV question can ask for: `_http._tcp.web`, `_8080._tcp.web`. */
export interface ZoneService {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly from: number;
  readonly to: number;
}

export interface ZoneEndpoint {
  readonly endpointId: string;
  /** Container name, aliases, short id, hostname: the first that DNS can carry answers PTR. */
  readonly names: readonly string[];
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  /** Whose endpoint it is: equal on all networks of one container, so that its own names do not collide with themselves. */
  readonly containerId?: string | undefined;
  readonly services?: readonly ZoneService[] | undefined;
}

/** An endpoint as answers need it. */
export interface ZoneRecord {
  readonly endpointId: string;
  readonly owner: string;
  keys: readonly NameKey[];
  /** The address as an unsigned 32-bit number; -1 for none. */
  readonly ip4: number;
  readonly ip6: Uint8Array | undefined;
  readonly services: readonly ZoneService[];
}

/** What one name of one network leads to. */
export interface NameEntry {
  readonly owners: ZoneRecord[];
  readonly v4: ZoneRecord[];
  readonly v6: ZoneRecord[];
}

/** One network's names. Views hold on to it, so a change is seen by the very next query. */
export class NetworkTable {
  readonly id: string;
  name: string;
  /** Undefined when DNS cannot carry the name: `name.network` does not exist then. */
  key: NameKey | undefined;
  readonly names = new Map<NameKey, NameEntry>();
  readonly by4 = new Map<number, ZoneRecord>();
  /** By 16 octets as latin1. */
  readonly by6 = new Map<string, ZoneRecord>();
  readonly endpoints = new Map<string, ZoneRecord>();
  /** Sets of networks that some container with several networks has, this one among them. */
  readonly groups = new Set<CollisionGroup>();
  views = 0;

  constructor(id: string, name: string) {
    this.id = id;
    this.name = name;
    this.key = nameKey(name);
  }
}

export interface ZonesOptions {
  /** A name means different containers on two networks of one container; the first network in its order wins. Told once per pair and sandbox. */
  readonly onCollision?: (collision: Collision) => void;
  /** What names of services in SRV questions stand for; without, ports go by number alone. */
  readonly servicePorts?: ServicePorts;
}

/** Every container name there is, by network. One per daemon; all methods take effect at once and cost the endpoint's own names only. */
export class DnsZones {
  /** Scratch shared by all sandboxes: queries are answered one at a time. */
  readonly reader = new QueryReader();
  readonly writer = new AnswerWriter();
  /** Where an answer over TCP is put together. */
  readonly page = Buffer.allocUnsafe(TCP_MAX_MESSAGE);
  readonly servicePorts: ServicePorts;
  readonly #tables = new Map<string, NetworkTable>();
  readonly #groups = new Map<string, CollisionGroup>();
  readonly #onCollision: (collision: Collision) => void;

  constructor(options: ZonesOptions = {}) {
    this.#onCollision = options.onCollision ?? (() => {});
    this.servicePorts = options.servicePorts ?? (() => undefined);
  }

  /**
   * Adds an endpoint, or replaces the one of that id.
   * @returns the names DNS cannot carry (empty label, label over 63 octets); they are left out
   */
  addEndpoint(networkId: string, networkName: string, endpoint: ZoneEndpoint): readonly string[] {
    this.removeEndpoint(networkId, endpoint.endpointId);
    const table = this.#table(networkId, networkName);
    const { keys, rejected } = keysOf(endpoint.names);
    const record: ZoneRecord = {
      endpointId: endpoint.endpointId,
      owner: endpoint.containerId ?? endpoint.endpointId,
      keys,
      ip4: endpoint.ipv4 ? Buffer.from(ipToBytes(endpoint.ipv4)).readUInt32BE() : -1,
      ip6: endpoint.ipv6 ? ipToBytes(canonicalIp(endpoint.ipv6)) : undefined,
      services: endpoint.services ?? [],
    };
    table.endpoints.set(record.endpointId, record);
    if (record.ip4 >= 0) table.by4.set(record.ip4, record);
    if (record.ip6) table.by6.set(Buffer.from(record.ip6).toString("latin1"), record);
    for (const key of keys) addName(table, key, record);
    return rejected;
  }

  /** Unknown networks and endpoints are no error. */
  removeEndpoint(networkId: string, endpointId: string): void {
    const table = this.#tables.get(networkId);
    const record = table?.endpoints.get(endpointId);
    if (!table || !record) return;
    table.endpoints.delete(endpointId);
    if (table.by4.get(record.ip4) === record) table.by4.delete(record.ip4);
    if (record.ip6) {
      const address = Buffer.from(record.ip6).toString("latin1");
      if (table.by6.get(address) === record) table.by6.delete(address);
    }
    for (const key of record.keys) removeName(table, key, record);
    this.#drop(table);
  }

  /** The endpoint's container was renamed or its aliases changed: all its names at once. @returns names DNS cannot carry */
  renameEndpoint(networkId: string, endpointId: string, names: readonly string[]): readonly string[] {
    const table = this.#tables.get(networkId);
    const record = table?.endpoints.get(endpointId);
    if (!table || !record) return [];
    const { keys, rejected } = keysOf(names);
    const old = record.keys;
    record.keys = keys;
    for (const key of keys) if (!old.includes(key)) addName(table, key, record);
    for (const key of old) if (!keys.includes(key)) removeName(table, key, record);
    return rejected;
  }

  /** `name.network` follows the network's new name. */
  renameNetwork(networkId: string, name: string): void {
    const table = this.#tables.get(networkId);
    if (!table) return;
    table.name = name;
    table.key = nameKey(name);
  }

  /** Forgets a network and all its endpoints. A view that still has it sees it empty. */
  removeNetwork(networkId: string): void {
    const table = this.#tables.get(networkId);
    if (!table) return;
    for (const endpointId of [...table.endpoints.keys()]) this.removeEndpoint(networkId, endpointId);
    this.#drop(table);
  }

  /** Networks and endpoints known. */
  get size(): { readonly networks: number; readonly endpoints: number } {
    let endpoints = 0;
    for (const table of this.#tables.values()) endpoints += table.endpoints.size;
    return { networks: this.#tables.size, endpoints };
  }

  /** A view starts to use a network; every `acquire` is paired with a `release`. */
  acquire(networkId: string, name: string): NetworkTable {
    const table = this.#table(networkId, name);
    table.views++;
    return table;
  }

  release(table: NetworkTable): void {
    table.views--;
    this.#drop(table);
  }

  /** A sandbox has these networks, in this order. @returns what ends it */
  join(sandboxId: string, tables: readonly NetworkTable[]): () => void {
    if (tables.length < 2) return () => {};
    const id = tables.map((table) => table.id).join(" ");
    let group = this.#groups.get(id);
    if (!group) {
      group = new CollisionGroup(tables, (collision) => this.#onCollision(collision));
      this.#groups.set(id, group);
    }
    group.join(sandboxId);
    return () => {
      if (group.leave(sandboxId)) this.#groups.delete(id);
    };
  }

  #table(id: string, name: string): NetworkTable {
    let table = this.#tables.get(id);
    if (!table) {
      table = new NetworkTable(id, name);
      this.#tables.set(id, table);
    } else if (table.name !== name) this.renameNetwork(id, name);
    return table;
  }

  #drop(table: NetworkTable): void {
    if (table.views === 0 && table.endpoints.size === 0) this.#tables.delete(table.id);
  }
}

function keysOf(names: readonly string[]): { keys: readonly NameKey[]; rejected: readonly string[] } {
  const keys = new Set<NameKey>();
  const rejected: string[] = [];
  for (const name of names) {
    const key = nameKey(name);
    if (key === undefined) rejected.push(name);
    else keys.add(key);
  }
  return { keys: [...keys], rejected };
}

function addName(table: NetworkTable, key: NameKey, record: ZoneRecord): void {
  let entry = table.names.get(key);
  if (!entry) {
    entry = { owners: [], v4: [], v6: [] };
    table.names.set(key, entry);
  }
  entry.owners.push(record);
  if (record.ip4 >= 0) entry.v4.push(record);
  if (record.ip6) entry.v6.push(record);
  for (const group of table.groups) group.check(key);
}

function removeName(table: NetworkTable, key: NameKey, record: ZoneRecord): void {
  const entry = table.names.get(key);
  if (!entry) return;
  take(entry.owners, record);
  take(entry.v4, record);
  take(entry.v6, record);
  if (entry.owners.length === 0) table.names.delete(key);
  for (const group of table.groups) group.check(key);
}

/** Order means nothing in these lists: the last fills the gap. */
function take<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at < 0) return;
  const last = list.pop()!;
  if (at < list.length) list[at] = last;
}

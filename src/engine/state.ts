import { conflict, FairwayError, type Family, invalid, isFullId, notFound } from "#base";
import type { DesiredState } from "#fabric";
import type { AddressHolder } from "#ipam";
import type { Check, Delete, Put, Store } from "#store";
import { parseLink } from "./links.ts";
import type { DhcpLease } from "./options.ts";
import type { JoinRecord, NetworkRecord, SandboxRecord } from "./records.ts";

/** The one in-memory owner of networks and sandboxes, and their way to disk. Records are replaced, never changed in place. */
export class State {
  readonly #store: Store;
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #networksByName = new Map<string, string>();
  readonly #sandboxes = new Map<string, SandboxRecord>();
  readonly #containersByName = new Map<string, string>();
  /** network id → container ids with an attachment to it */
  readonly #members = new Map<string, Set<string>>();

  readonly #leases = new Map<string, DhcpLease>();
  readonly #traces = new Map<string, DesiredState>();
  readonly #joins = new Map<string, JoinRecord>();
  /** network id → network ids it has a route to */
  readonly #joined = new Map<string, Set<string>>();
  /** container id → container ids that joined its namespace */
  readonly #joiners = new Map<string, Set<string>>();
  /** name in a legacy link → container ids that have the link */
  readonly #linkers = new Map<string, Set<string>>();

  constructor(store: Store) {
    this.#store = store;
  }

  async load(): Promise<void> {
    for (const { value } of await this.#store.list<NetworkRecord>("network/")) this.#indexNetwork(value);
    for (const { key, value } of await this.#store.list<DhcpLease>("lease/")) this.#leases.set(key, value);
    for (const { key, value } of await this.#store.list<DesiredState>("trace/")) this.#traces.set(key, value);
    for (const { value } of await this.#store.list<JoinRecord>("join/")) this.#indexJoin(value);
    for (const { value } of await this.#store.list<SandboxRecord>("sandbox/")) this.#indexSandbox(value);
  }

  get networks(): IterableIterator<NetworkRecord> {
    return this.#networks.values();
  }

  get sandboxes(): IterableIterator<SandboxRecord> {
    return this.#sandboxes.values();
  }

  get networkCount(): number {
    return this.#networks.size;
  }

  network(id: string): NetworkRecord | undefined {
    return this.#networks.get(id);
  }

  networkNamed(name: string): NetworkRecord | undefined {
    const id = this.#networksByName.get(name);
    return id === undefined ? undefined : this.#networks.get(id);
  }

  /** Docker's order: full id, then name, then unique id prefix. @throws notFound or invalidParameter in Docker's words */
  findNetwork(reference: string): NetworkRecord {
    const exact = this.#networks.get(reference) ?? this.networkNamed(reference);
    if (exact) return exact;
    const matches =
      reference === "" || isFullId(reference) ? [] : [...this.#networks.values()].filter(({ id }) => id.startsWith(reference));
    if (matches.length > 1) {
      throw invalid(`network ${reference} is ambiguous (${matches.length} matches found based on ID prefix)`, {
        code: "ambiguous-network",
        context: { reference, matches: matches.map(({ name }) => name) },
      });
    }
    const [match] = matches;
    if (!match) throw networkNotFound(reference);
    return match;
  }

  /** The same, or undefined when there is none. @throws invalidParameter for an ambiguous prefix */
  knownNetwork(reference: string): NetworkRecord | undefined {
    try {
      return this.findNetwork(reference);
    } catch (error) {
      if (error instanceof FairwayError && error.category === "notFound") return undefined;
      throw error;
    }
  }

  sandbox(containerId: string): SandboxRecord | undefined {
    return this.#sandboxes.get(containerId);
  }

  /** @throws notFound */
  findSandbox(containerId: string): SandboxRecord {
    const record = this.#sandboxes.get(containerId);
    if (!record) throw notFound(`No such container: ${containerId}`, { code: "no-such-sandbox", context: { containerId } });
    return record;
  }

  /** A container as the holder of addresses and ports: errors call it what it is called by then. */
  holderOf(containerId: string): AddressHolder {
    const sandboxes = this.#sandboxes;
    return {
      use: "container",
      id: containerId,
      get name() {
        return sandboxes.get(containerId)?.spec.containerName ?? containerId;
      },
    };
  }

  sandboxNamed(containerName: string): SandboxRecord | undefined {
    const id = this.#containersByName.get(containerName);
    return id === undefined ? undefined : this.#sandboxes.get(id);
  }

  /** Sandboxes with an attachment to a network, up or not. */
  membersOf(networkId: string): SandboxRecord[] {
    return [...(this.#members.get(networkId) ?? [])].map((id) => this.#sandboxes.get(id)!);
  }

  /** Sandboxes that link to this one in the old way, by its name or id. */
  linkersOf({ spec }: SandboxRecord): SandboxRecord[] {
    const ids = new Set([...(this.#linkers.get(spec.containerName) ?? []), ...(this.#linkers.get(spec.containerId) ?? [])]);
    return [...ids].map((id) => this.#sandboxes.get(id)!);
  }

  /** Sandboxes that share this container's namespace. */
  joinersOf(containerId: string): SandboxRecord[] {
    return [...(this.#joiners.get(containerId) ?? [])].map((id) => this.#sandboxes.get(id)!);
  }

  /** What the LAN's DHCP server granted a container on a network. */
  lease(containerId: string, networkId: string, family: Family): DhcpLease | undefined {
    return this.#leases.get(leaseKey(containerId, networkId, family));
  }

  async putLease(containerId: string, networkId: string, family: Family, lease: DhcpLease): Promise<void> {
    const key = leaseKey(containerId, networkId, family);
    await this.#commit([{ op: "put", key, value: lease }]);
    this.#leases.set(key, lease);
  }

  async deleteLease(containerId: string, networkId: string, family: Family): Promise<void> {
    await this.#dropLeases([leaseKey(containerId, networkId, family)]);
  }

  /** Drops leases of containers that are on that network no more: of a connect that was cut short, or of a network that is gone. */
  async sweepLeases(): Promise<void> {
    const orphans = [...this.#leases.keys()].filter((key) => {
      const [, containerId = "", networkId = ""] = key.split("/");
      return !this.#sandboxes.get(containerId)?.attachments.some((attachment) => attachment.networkId === networkId);
    });
    await this.#dropLeases(orphans);
  }

  async #dropLeases(keys: readonly string[]): Promise<void> {
    await this.#commit(keys.map((key) => ({ op: "delete", key })));
    for (const key of keys) this.#leases.delete(key);
  }

  get joins(): readonly JoinRecord[] {
    return [...this.#joins.values()];
  }

  /** Networks with a route to this one. */
  joinedTo(networkId: string): NetworkRecord[] {
    return [...(this.#joined.get(networkId) ?? [])].flatMap((id) => this.#networks.get(id) ?? []);
  }

  async putJoin(a: string, b: string): Promise<void> {
    const record: JoinRecord = { networks: a < b ? [a, b] : [b, a] };
    await this.#commit([{ op: "put", key: joinKey(record), value: record }]);
    this.#indexJoin(record);
  }

  async deleteJoin(record: JoinRecord): Promise<void> {
    await this.#commit([{ op: "delete", key: joinKey(record) }]);
    const [a, b] = record.networks;
    this.#joins.delete(joinKey(record));
    remove(this.#joined, a, b);
    remove(this.#joined, b, a);
  }

  #indexJoin(record: JoinRecord) {
    const [a, b] = record.networks;
    this.#joins.set(joinKey(record), record);
    add(this.#joined, a, b);
    add(this.#joined, b, a);
  }

  /** @param traces what the kernel has of its former self that no sweep would find: on disk until `dropTraces()` */
  async putNetwork(record: NetworkRecord, traces: DesiredState = []): Promise<void> {
    await this.#commitLeaving({ op: "put", key: `network/${record.id}`, value: record }, record.id, traces);
    this.#indexNetwork(record);
  }

  async #commitLeaving(operation: Put | Delete, networkId: string, traces: DesiredState): Promise<void> {
    const leave: Put[] = traces.length > 0 ? [{ op: "put", key: `trace/${networkId}`, value: traces }] : [];
    await this.#commit([operation, ...leave]);
    for (const { key } of leave) this.#traces.set(key, traces);
  }

  /** @param traces as `putNetwork()` */
  async deleteNetwork(id: string, traces: DesiredState = []): Promise<void> {
    await this.#commitLeaving({ op: "delete", key: `network/${id}` }, id, traces);
    const record = this.#networks.get(id);
    this.#networks.delete(id);
    if (record && this.#networksByName.get(record.name) === id) this.#networksByName.delete(record.name);
    this.#members.delete(id);
  }

  /** Traces of networks that are gone or have changed, by network id. */
  get traces(): readonly (readonly [networkId: string, traces: DesiredState])[] {
    return [...this.#traces].map(([key, traces]) => [key.slice("trace/".length), traces]);
  }

  async dropTraces(networkId: string): Promise<void> {
    if (!this.#traces.delete(`trace/${networkId}`)) return;
    await this.#commit([{ op: "delete", key: `trace/${networkId}` }]);
  }

  async putSandbox(record: SandboxRecord): Promise<void> {
    await this.putSandboxes([record]);
  }

  async putSandboxes(records: readonly SandboxRecord[]): Promise<void> {
    await this.#commit(records.map((record) => ({ op: "put", key: `sandbox/${record.spec.containerId}`, value: record })));
    for (const record of records) this.#indexSandbox(record);
  }

  async deleteSandbox(containerId: string): Promise<void> {
    await this.#commit([{ op: "delete", key: `sandbox/${containerId}` }]);
    this.#unindexSandbox(containerId);
  }

  async #commit(operations: readonly (Put | Delete | Check)[]): Promise<void> {
    if (operations.length > 0) await this.#store.commit(operations);
  }

  #indexNetwork(record: NetworkRecord) {
    this.#networks.set(record.id, record);
    this.#networksByName.set(record.name, record.id);
  }

  #indexSandbox(record: SandboxRecord) {
    const id = record.spec.containerId;
    this.#unindexSandbox(id);
    this.#sandboxes.set(id, record);
    this.#containersByName.set(record.spec.containerName, id);
    for (const { networkId } of record.attachments) if (networkId !== "") add(this.#members, networkId, id);
    for (const link of record.spec.links) add(this.#linkers, parseLink(link).name, id);
    if (record.spec.network.mode === "container") add(this.#joiners, record.spec.network.containerId, id);
  }

  #unindexSandbox(containerId: string) {
    const record = this.#sandboxes.get(containerId);
    if (!record) return;
    this.#sandboxes.delete(containerId);
    if (this.#containersByName.get(record.spec.containerName) === containerId) this.#containersByName.delete(record.spec.containerName);
    for (const { networkId } of record.attachments) remove(this.#members, networkId, containerId);
    for (const link of record.spec.links) remove(this.#linkers, parseLink(link).name, containerId);
    if (record.spec.network.mode === "container") remove(this.#joiners, record.spec.network.containerId, containerId);
  }
}

const leaseKey = (containerId: string, networkId: string, family: Family): string => `lease/${containerId}/${networkId}/${family}`;
const joinKey = ({ networks: [a, b] }: JoinRecord): string => `join/${a}/${b}`;

function add(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  if (ids) ids.add(id);
  else index.set(key, new Set([id]));
}

function remove(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
}

export const networkNotFound = (reference: string): FairwayError =>
  notFound(`network ${reference} not found`, { code: "no-such-network", context: { reference } });

export const nameTaken = (name: string): FairwayError =>
  conflict(`network with name ${name} already exists`, { code: "network-name-in-use", context: { name } });

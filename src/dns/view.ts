import { type NameKey, nameKey } from "./name.ts";
import type { Upstream } from "./upstream.ts";
import type { DnsZones, NameEntry, NetworkTable, ZoneRecord } from "./zones.ts";

/** `--link target:alias` on a user-defined network: a name private to one container on one network. */
export interface ViewLink {
  readonly networkId: string;
  readonly alias: string;
  /** A name of the other container on that network; it need not exist yet. */
  readonly target: string;
}

/** What one sandbox sees. */
export interface SandboxViewSpec {
  readonly sandboxId: string;
  /** In gateway order: the first with a name wins. */
  readonly networks: readonly { readonly id: string; readonly name: string }[];
  readonly links?: readonly ViewLink[];
  /** Only internal networks: nothing is forwarded. */
  readonly internalOnly?: boolean;
  /** In the order of the resolv.conf they come from. */
  readonly upstreams?: readonly Upstream[];
  /** Top-level domains that are never asked of an upstream; `internal` unless given. */
  readonly privateDomains?: readonly string[];
}

interface ViewNetwork {
  readonly table: NetworkTable;
  readonly links: ReadonlyMap<NameKey, NameKey> | undefined;
}

/** The names of one sandbox: its networks' tables in order, with its links in front. */
export class SandboxView {
  readonly #zones: DnsZones;
  #networks: readonly ViewNetwork[] = [];
  #hasLinks = false;
  #leave = () => {};

  constructor(zones: DnsZones) {
    this.#zones = zones;
  }

  update(spec: SandboxViewSpec): void {
    const before = this.#networks;
    const leave = this.#leave;
    this.#networks = spec.networks.map(({ id, name }) => ({
      table: this.#zones.acquire(id, name),
      links: linksOf(id, spec.links ?? []),
    }));
    this.#hasLinks = this.#networks.some((network) => network.links);
    const tables = this.#networks.map((network) => network.table);
    const same = before.length === tables.length && before.every((network, index) => network.table === tables[index]);
    if (!same) {
      this.#leave = this.#zones.join(spec.sandboxId, tables);
      leave();
    }
    for (const network of before) this.#zones.release(network.table);
  }

  close(): void {
    this.#leave();
    this.#leave = () => {};
    for (const network of this.#networks) this.#zones.release(network.table);
    this.#networks = [];
    this.#hasLinks = false;
  }

  /**
   * What a name means here: as it stands first, then as `name.network` split at each dot from the right; at each split links before names, networks in
   * order, the first hit ends it (Docker's Sandbox.ResolveName).
   */
  find(key: NameKey, labels: number): NameEntry | undefined {
    const networks = this.#networks;
    const whole = this.#hasLinks ? this.#split(key, undefined) : firstNamed(networks, key);
    if (whole || labels < 2) return whole;
    // Boundaries from the left, tried from the right. Names rarely have more than a few labels.
    const cuts: number[] = [];
    for (let at = 0; at < key.length; at += 1 + key.charCodeAt(at)) if (at > 0) cuts.push(at);
    for (let index = cuts.length - 1; index >= 0; index--) {
      const cut = cuts[index]!;
      const suffix = key.slice(cut);
      if (!networks.some((network) => network.table.key === suffix)) continue;
      const found = this.#split(key.slice(0, cut), suffix);
      if (found) return found;
    }
    return undefined;
  }

  #split(key: NameKey, suffix: NameKey | undefined): NameEntry | undefined {
    for (const { table, links } of this.#networks) {
      if (!links || (suffix !== undefined && table.key !== suffix)) continue;
      const target = links.get(key);
      const entry = target === undefined ? undefined : table.names.get(target);
      if (entry) return entry;
    }
    for (const { table, links } of this.#networks) {
      // A link shadows the name it is called like, even while its target is not there.
      if ((suffix !== undefined && table.key !== suffix) || links?.has(key)) continue;
      const entry = table.names.get(key);
      if (entry) return entry;
    }
    return undefined;
  }

  /** The endpoint that has an address, and the network it is on. Give the one that is known: `ip4` ≥ 0 or `ip6`. */
  findAddress(ip4: number, ip6: string | undefined): { readonly record: ZoneRecord; readonly table: NetworkTable } | undefined {
    for (const { table } of this.#networks) {
      const record = ip6 === undefined ? table.by4.get(ip4) : table.by6.get(ip6);
      if (record) return { record, table };
    }
    return undefined;
  }

  /** The network on which the entry was found: SRV targets are named within it. */
  networkOf(entry: NameEntry): NetworkTable | undefined {
    const record = entry.owners[0];
    return this.#networks.find(({ table }) => record && table.endpoints.get(record.endpointId) === record)?.table;
  }
}

function firstNamed(networks: readonly ViewNetwork[], key: NameKey): NameEntry | undefined {
  for (let index = 0; index < networks.length; index++) {
    const entry = networks[index]!.table.names.get(key);
    if (entry) return entry;
  }
  return undefined;
}

function linksOf(networkId: string, links: readonly ViewLink[]): ReadonlyMap<NameKey, NameKey> | undefined {
  const map = new Map<NameKey, NameKey>();
  for (const link of links) {
    if (link.networkId !== networkId) continue;
    const alias = nameKey(link.alias);
    // A target that DNS cannot carry is never found, but its alias shadows all the same.
    if (alias !== undefined) map.set(alias, nameKey(link.target) ?? "");
  }
  return map.size > 0 ? map : undefined;
}

import { canonicalIp, cidrOverlaps, type Family, familyOf, formatCidr, formatIp, invalid, parseCidr, parsePrefix } from "#base";
import type { NetworkNeeds, Pool } from "#drivers";
import { type AddressHolder, addressPool, effectivePools, Ipam, type PoolConfig, validatePoolConfig } from "#ipam";
import type { DraftNetwork } from "./network-spec.ts";
import type { DefaultBridgeOptions, EngineConfig, HostProbe } from "./options.ts";
import type { NetworkRecord, SandboxRecord } from "./records.ts";
import type { IpamRequest, PoolRequest } from "./types.ts";

/** Somebody else's address on the LAN of a network. */
interface Foreign {
  readonly networkId: string;
  readonly address: string;
  readonly holder: string;
  /** Milliseconds of the book's clock. */
  readonly since: number;
}

/** Milliseconds after which an address that was somebody's may be tried again. */
const FOREIGN_FOR = 10 * 60_000;

/** The engine's side of ipam: what it holds is lost with the process and told again from the records at the next start. */
export class AddressBook {
  readonly #ipam: Ipam;
  readonly #host: Pick<HostProbe, "routes" | "nameservers">;
  readonly #holderOf: (containerId: string) => AddressHolder;
  #avoided: { readonly routes: readonly string[]; readonly nameservers: readonly string[] } = { routes: [], nameservers: [] };
  readonly #now: () => number;
  /** Addresses of others, oldest first. */
  #foreign: readonly Foreign[] = [];

  /**
   * @param holderOf who a container is in errors about the addresses it has
   * @param now milliseconds of a clock that is never set back
   */
  constructor(
    config: EngineConfig,
    host: Pick<HostProbe, "routes" | "nameservers">,
    holderOf: (containerId: string) => AddressHolder,
    now = () => performance.now(),
  ) {
    this.#now = now;
    this.#ipam = new Ipam(
      effectivePools(
        config.addressPools.map(({ base, size }) => addressPool(base, size)),
        config.daemonId,
      ),
    );
    this.#host = host;
    this.#holderOf = holderOf;
  }

  /** @throws invalidParameter listing every fault of the request */
  check(ipam: IpamRequest, ipv6: boolean): void {
    validatePoolConfig(ipam.config.map(configOf), ipv6);
  }

  holdNetwork(draft: DraftNetwork, sharesSubnets: boolean, needs: NetworkNeeds): readonly Pool[] {
    this.#avoidUsed();
    const pools = this.#ipam.allocateNetwork({
      network: { id: draft.id, name: draft.name },
      ipv4: draft.ipv4,
      ipv6: draft.ipv6,
      config: draft.ipam.config.map(configOf),
      gateway4: needs.gateway4,
      gateway6: needs.gateway6,
      sharesSubnets,
    });
    return pools.map((pool) => this.#withAuxiliary(draft, pool, needs.auxiliary ?? []));
  }

  /** The pool with the further addresses that the driver wants for the host itself; a pool without a free one goes without. */
  #withAuxiliary(draft: DraftNetwork, pool: Pool, names: readonly string[]): Pool {
    let auxiliary = pool.auxiliary;
    for (const name of names) {
      if (auxiliary[name] !== undefined) continue;
      try {
        const { address } = this.#ipam.allocateAddress(draft.id, pool.family, { use: "auxiliary", id: draft.id, name });
        auxiliary = { ...auxiliary, [name]: address };
      } catch {}
    }
    return auxiliary === pool.auxiliary ? pool : { ...pool, auxiliary };
  }

  /**
   * The pools of the network `bridge`: from the flags where they say, else what it had before, else what the pools give.
   * Former pools that clash with a flag or with a route are given up: the default bridge has no addresses worth keeping by itself.
   */
  holdDefaultBridge(id: string, bridge: DefaultBridgeOptions, former: readonly Pool[] | undefined): readonly Pool[] {
    this.#ipam.releaseNetwork(id);
    this.#avoidUsed();
    const config = bridgeConfig(bridge);
    for (const family of [4, 6] as const) {
      const kept = former?.find((pool) => pool.family === family);
      const named = config.some(({ subnet }) => familyOf(subnet ?? "") === family);
      // Its range and further gateway came from flags, which are not there now.
      if (kept && !named && this.#routesAllow(kept))
        config.push({ subnet: kept.subnet, ...(kept.gateway ? { gateway: kept.gateway } : {}) });
    }
    const hold = (entries: readonly PoolConfig[]) =>
      this.#ipam
        .allocateNetwork({
          ...{ network: { id, name: "bridge" }, ipv4: true, ipv6: bridge.ipv6, config: entries },
          ...{ gateway4: true, gateway6: true, sharesSubnets: false },
        })
        .toSorted((a, b) => a.family - b.family);
    const pools = hold(config);
    const missing = ({ family, auxiliary }: Pool) => {
      const gateway = family === 4 ? bridge.defaultGateway : bridge.defaultGateway6;
      return gateway && !auxiliary[`DefaultGatewayIPv${family}`] ? { [`DefaultGatewayIPv${family}`]: gateway } : undefined;
    };
    if (!pools.some(missing)) return pools;
    this.#ipam.releaseNetwork(id);
    return hold(pools.map((pool) => ({ ...configOfPool(pool), auxiliary: { ...pool.auxiliary, ...missing(pool) } })));
  }

  #routesAllow(pool: Pool): boolean {
    const subnet = parseCidr(pool.subnet);
    return !this.#avoided.routes.some((route) => cidrOverlaps(parseCidr(route), subnet));
  }

  releaseNetwork(id: string): void {
    this.#foreign = this.#foreign.filter(({ networkId }) => networkId !== id);
    this.#ipam.releaseNetwork(id);
  }

  /** An address with its prefix length, `10.0.0.2/24`; empty when the network has no pool of that family. */
  take(network: NetworkRecord, family: Family, wanted: string | undefined, containerId: string): string {
    if (!network.pools.some((pool) => pool.family === family)) return "";
    this.#forgetForeign(network.id, wanted === undefined ? undefined : canonicalIp(wanted));
    const holder = this.#holderOf(containerId);
    return (wanted ? this.#ipam.takeAddress(network.id, wanted, holder) : this.#ipam.allocateAddress(network.id, family, holder)).cidr;
  }

  /** Whether a container still has an address: its network may have another subnet by now. */
  holds(networkId: string, cidr: string, containerId: string): boolean {
    try {
      return this.#ipam.holderOf(networkId, cidr.slice(0, cidr.indexOf("/")))?.id === containerId;
    } catch {
      return false;
    }
  }

  /** An address of somebody else's: a machine on the LAN, or the host itself. It is not given out for some minutes, unless somebody names it. */
  avoid(networkId: string, cidr: string, holder: string): void {
    const address = canonicalIp(cidr.includes("/") ? cidr.slice(0, cidr.indexOf("/")) : cidr);
    this.#ipam.takeAddress(networkId, address, { use: "foreign", id: holder, name: holder });
    this.#foreign = [...this.#foreign, { networkId, address, holder, since: this.#now() }];
  }

  /**
   * Whoever had an address may have left the LAN, which its probe will tell: of one that is named, and of the oldest if it is old. One at a time, as
   * each that is still somebody's costs a container's start another probe.
   */
  #forgetForeign(networkId: string, wanted: string | undefined): void {
    const old = this.#foreign.find((each) => each.networkId === networkId && this.#now() - each.since >= FOREIGN_FOR);
    const forgotten = this.#foreign.filter((each) => each === old || each.address === wanted);
    if (forgotten.length === 0) return;
    this.#foreign = this.#foreign.filter((each) => !forgotten.includes(each));
    for (const each of forgotten) this.#ipam.releaseAddress(each.networkId, each.address, each.holder);
  }

  /** The next free address of the same family in place of an auxiliary one that `holder` has. @returns undefined when there is none */
  replaceAuxiliary(networkId: string, address: string, name: string, holder: string): string | undefined {
    this.#ipam.releaseAddress(networkId, address, networkId);
    this.avoid(networkId, address, holder);
    try {
      return this.#ipam.allocateAddress(networkId, familyOf(address), { use: "auxiliary", id: networkId, name }).address;
    } catch {
      return undefined;
    }
  }

  release(networkId: string, address: string, containerId: string): void {
    this.#ipam.releaseAddress(networkId, address.slice(0, address.indexOf("/")), containerId);
  }

  /** Takes again what networks had. @returns what the records say that cannot be so */
  restoreNetworks(networks: Iterable<NetworkRecord>, sharesSubnets: (driver: string) => boolean): unknown[] {
    const faults: unknown[] = [];
    for (const network of networks) {
      if (network.pools.length === 0) continue;
      try {
        this.#ipam.restoreNetwork(network, network.pools, sharesSubnets(network.driver));
      } catch (error) {
        faults.push(error);
      }
    }
    return faults;
  }

  /** Takes again what a container had. @returns the addresses it cannot have any more: their subnet is gone, or somebody else has them */
  restoreContainer({ spec, attachments }: SandboxRecord): { networkId: string; address: string; error: unknown }[] {
    const lost: { networkId: string; address: string; error: unknown }[] = [];
    const holder = this.#holderOf(spec.containerId);
    for (const { networkId, ipv4, ipv6 } of attachments) {
      for (const address of [ipv4, ipv6]) {
        if (address === "") continue;
        try {
          this.#ipam.takeAddress(networkId, address.slice(0, address.indexOf("/")), holder);
        } catch (error) {
          lost.push({ networkId, address, error });
        }
      }
    }
    return lost;
  }

  #avoidUsed() {
    const [routes, nameservers] = [this.#host.routes(), this.#host.nameservers?.() ?? NONE];
    if (routes === this.#avoided.routes && nameservers === this.#avoided.nameservers) return;
    this.#avoided = { routes, nameservers };
    this.#ipam.setAvoided([...routes, ...nameservers]);
  }
}

const NONE: readonly string[] = [];

const configOf = (request: PoolRequest): PoolConfig => ({
  ...(request.subnet === undefined ? {} : { subnet: request.subnet }),
  ...(request.range === undefined ? {} : { range: request.range }),
  ...(request.gateway === undefined ? {} : { gateway: request.gateway }),
  ...(request.auxiliary === undefined ? {} : { auxiliary: request.auxiliary }),
});

const configOfPool = ({ subnet, range, gateway, auxiliary }: Pool): PoolConfig => ({
  ...{ subnet, auxiliary },
  ...(range === undefined ? {} : { range }),
  ...(gateway === undefined ? {} : { gateway }),
});

/** `--bip`, `--fixed-cidr` and `--default-gateway` as pool settings, one entry a family they name. */
function bridgeConfig(bridge: DefaultBridgeOptions): PoolConfig[] {
  const entries: PoolConfig[] = [];
  for (const [family, bip, range, gateway] of [
    [4, bridge.bip, bridge.fixedCidr, bridge.defaultGateway],
    [6, bridge.bip6, bridge.fixedCidr6, bridge.defaultGateway6],
  ] as const) {
    if (!bip && !range) continue;
    const subnet = formatCidr(parseCidr((bip ?? range)!));
    if (familyOf(subnet) !== family)
      throw invalid(`invalid IPv${family} address for the default bridge: ${bip ?? range}`, { code: "bad-bip" });
    const own = bip ? formatIp(parsePrefix(bip).ip) : undefined;
    entries.push({
      subnet,
      ...(range && range !== subnet ? { range } : {}),
      ...(own ? { gateway: own } : {}),
      ...(gateway ? { auxiliary: { [`DefaultGatewayIPv${family}`]: gateway } } : {}),
    });
  }
  return entries;
}

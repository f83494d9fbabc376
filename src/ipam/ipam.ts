import {
  type Cidr,
  canonicalIp,
  FairwayError,
  type Family,
  familyOf,
  formatCidr,
  internal,
  invalid,
  notFound,
  parseCidr,
  withContext,
  withPrefixOf,
} from "#base";
import { type AddressHolder, AddressPool } from "./address-pool.ts";
import { type Holder, PoolSpace, type SubnetHolding } from "./pool-space.ts";
import type { PredefinedPool } from "./pools.ts";
import { type PoolConfig, validatePoolConfig } from "./validate.ts";

/** A subnet that a network has; the shape drivers are given. */
export interface AllocatedPool {
  readonly family: Family;
  readonly subnet: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly auxiliary: Readonly<Record<string, string>>;
}

export interface NetworkRequest {
  readonly network: Holder;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** As the user gave it; a family without an entry gets a subnet chosen. */
  readonly config: readonly PoolConfig[];
  /** Whether to take the first free address as gateway of pools where the user names none. */
  readonly gateway4: boolean;
  readonly gateway6: boolean;
  /** Other networks may have the same subnet when their ip-ranges are apart (macvlan, ipvlan). */
  readonly sharesSubnets: boolean;
}

export interface AllocatedAddress {
  /** `172.18.0.2` */
  readonly address: string;
  /** `172.18.0.2/16`, the form an interface has it in. */
  readonly cidr: string;
  readonly pool: AllocatedPool;
}

/** How full a subnet is: Docker's `Status.IPAM.Subnets`. */
export interface SubnetUsage {
  readonly subnet: string;
  readonly family: Family;
  /** Network, broadcast, gateway, auxiliary and containers' addresses. */
  readonly inUse: bigint;
  /** What is left of the ip-range, or of the subnet. */
  readonly available: bigint;
}

interface NetworkPool {
  readonly pool: AllocatedPool;
  readonly holding: SubnetHolding;
  readonly addresses: AddressPool;
  /** Who has addresses through this network: they leave with it though others share the subnet. */
  readonly members: Map<string, string>;
}

interface NetworkState {
  readonly holder: Holder;
  readonly pools: readonly NetworkPool[];
}

/**
 * Subnets of networks and addresses of containers, for one address space. All in memory: who owns the records gives them back with `restoreNetwork`
 * and `takeAddress` at start-up. Every method does all of what it says, or throws and has done nothing.
 */
export class Ipam {
  readonly #space: PoolSpace;
  readonly #networks = new Map<string, NetworkState>();
  /** Addresses by subnet: networks that share a subnet share them. */
  readonly #addresses = new Map<string, { readonly pool: AddressPool; users: number }>();

  constructor(pools: readonly PredefinedPool[]) {
    this.#space = new PoolSpace(pools);
  }

  /** What chosen subnets keep off: the host's routes and nameservers. See {@link PoolSpace.setAvoided}. */
  setAvoided(prefixes: Iterable<string>): void {
    this.#space.setAvoided(prefixes);
  }

  /**
   * Gives a new network its subnets, gateways and auxiliary addresses.
   * @returns them in Docker's order: IPv4 before IPv6 as far as the user named them, then those that were chosen
   * @throws FairwayError `bad-ipam-config`, `pool-overlap`, `pools-exhausted`, `address-in-use`, `addresses-exhausted`
   */
  allocateNetwork(request: NetworkRequest): readonly AllocatedPool[] {
    const { network, config, ipv4, ipv6 } = request;
    validatePoolConfig(config, ipv6);
    const families = ([4, 6] as const).filter((family) => (family === 4 ? ipv4 : ipv6));
    const named = families.map((family) => config.filter(({ subnet }) => familyOf(subnet ?? "") === family));
    const plans: { family: Family; entry: PoolConfig }[] = [
      ...families.flatMap((family, index) => named[index]!.map((entry) => ({ family, entry }))),
      ...families.filter((_, index) => named[index]!.length === 0).map((family) => ({ family, entry: {} })),
    ];
    return this.#makeNetwork(network, plans, ({ family, entry }) =>
      this.#allocatePool(network, family, entry, family === 4 ? request.gateway4 : request.gateway6, request.sharesSubnets),
    );
  }

  /** Takes again what `allocateNetwork` once gave. @throws FairwayError `pool-overlap` when records contradict each other */
  restoreNetwork(network: Holder, pools: readonly AllocatedPool[], sharesSubnets: boolean): void {
    this.#makeNetwork(network, pools, (pool) => {
      const { subnet, range, gateway, auxiliary } = pool;
      const entry: PoolConfig = { subnet, auxiliary, ...(range && { range }), ...(gateway && { gateway }) };
      return this.#allocatePool(network, pool.family, entry, false, sharesSubnets, true);
    });
  }

  /** Gives back everything of a network, its containers' addresses too. Idempotent. */
  releaseNetwork(networkId: string): void {
    const state = this.#networks.get(networkId);
    if (!state) return;
    this.#networks.delete(networkId);
    for (const pool of state.pools) this.#releasePool(pool, networkId);
  }

  /** @throws notFound, code `network-not-found` */
  poolsOf(networkId: string): readonly AllocatedPool[] {
    return this.#stateOf(networkId).pools.map(({ pool }) => pool);
  }

  /**
   * Takes the lowest free address of the network's first pool that has one.
   * @throws internal, code `addresses-exhausted`
   */
  allocateAddress(networkId: string, family: Family, holder: AddressHolder): AllocatedAddress {
    const { pools, holder: network } = this.#stateOf(networkId);
    for (const entry of pools) {
      if (entry.pool.family !== family) continue;
      const address = entry.addresses.takeLowest(entry.holding.range, holder);
      if (address !== undefined) return joined(entry, address, holder);
    }
    throw internal(`no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`, {
      code: "addresses-exhausted",
      context: { network: network.name, networkId, family, usage: this.usage(networkId).filter((usage) => usage.family === family) },
    });
  }

  /**
   * Takes a certain address: a user's `--ip`, or one that a record says is held.
   * @throws forbidden, code `address-in-use`; invalidParameter, code `address-outside-subnet`
   */
  takeAddress(networkId: string, address: string, holder: AddressHolder): AllocatedAddress {
    const entry = this.#poolOf(networkId, address);
    return joined(entry, entry.addresses.take(address, holder), holder);
  }

  /** Frees an address if that holder has it. Idempotent, also when the network is gone. */
  releaseAddress(networkId: string, address: string, holderId: string): void {
    const canonical = canonicalIp(address);
    for (const { addresses, members } of this.#networks.get(networkId)?.pools ?? []) {
      if (members.get(canonical) !== holderId) continue;
      members.delete(canonical);
      addresses.release(canonical, holderId);
    }
  }

  /** @throws invalidParameter, code `address-outside-subnet`, when no pool of the network contains it */
  poolFor(networkId: string, address: string): AllocatedPool {
    return this.#poolOf(networkId, address).pool;
  }

  holderOf(networkId: string, address: string): AddressHolder | undefined {
    return this.#poolOf(networkId, address).addresses.holderOf(address);
  }

  usage(networkId: string): readonly SubnetUsage[] {
    return this.#stateOf(networkId).pools.map(({ pool, addresses, holding }) => ({
      subnet: pool.subnet,
      family: pool.family,
      ...addresses.usage(holding.range),
    }));
  }

  #makeNetwork<T>(network: Holder, plans: readonly T[], make: (plan: T) => NetworkPool): readonly AllocatedPool[] {
    if (this.#networks.has(network.id)) throw internal(`Cannot allocate network "${network.name}": it has its subnets already`);
    const pools: NetworkPool[] = [];
    try {
      for (const plan of plans) pools.push(make(plan));
    } catch (error) {
      for (const pool of pools) this.#releasePool(pool, network.id);
      throw error;
    }
    this.#networks.set(network.id, { holder: network, pools });
    return pools.map(({ pool }) => pool);
  }

  #allocatePool(
    network: Holder,
    family: Family,
    entry: PoolConfig,
    needsGateway: boolean,
    shares: boolean,
    restoring = false,
  ): NetworkPool {
    const range = entry.range ? parseCidr(entry.range) : undefined;
    const holding = this.#takeSubnet(network, family, entry, range, shares, restoring);
    const subnet = formatCidr(holding.subnet);
    const addresses = this.#addressesOf(subnet, holding.subnet);
    try {
      const { gateway, auxiliary } = takeOwnAddresses(network, addresses, entry, range, needsGateway);
      const pool = Object.freeze({ family, subnet, ...(range && { range: formatCidr(range) }), ...(gateway && { gateway }), auxiliary });
      return { pool, holding, addresses, members: new Map() };
    } catch (error) {
      this.#space.release(holding);
      this.#dropAddresses(subnet);
      throw error;
    }
  }

  #takeSubnet(
    network: Holder,
    family: Family,
    entry: PoolConfig,
    range: Cidr | undefined,
    shares: boolean,
    restoring: boolean,
  ): SubnetHolding {
    if (!entry.subnet) return this.#space.choose(family, network);
    const subnet = parseCidr(entry.subnet);
    if (subnet.base !== 0n || restoring) return this.#space.take(subnet, network, { range, shares });
    // `0.0.0.0/28`, `::/80`: any subnet of that size (moby 29).
    if (range || entry.gateway || Object.keys(entry.auxiliary ?? {}).length > 0)
      throw invalid(`invalid subnet ${entry.subnet}: an unspecified subnet takes no ip-range, gateway or auxiliary address`, {
        code: "bad-ipam-config",
      });
    return this.#space.choose(family, network, subnet.prefix);
  }

  #releasePool({ pool, holding, addresses, members }: NetworkPool, networkId: string): void {
    this.#space.release(holding);
    if (this.#dropAddresses(pool.subnet)) return;
    for (const [address, holderId] of members) addresses.release(address, holderId);
    if (pool.gateway) addresses.release(pool.gateway, networkId);
    for (const address of Object.values(pool.auxiliary)) addresses.release(address, networkId);
  }

  #addressesOf(key: string, subnet: Cidr): AddressPool {
    let shared = this.#addresses.get(key);
    if (!shared) this.#addresses.set(key, (shared = { pool: new AddressPool(subnet), users: 0 }));
    shared.users++;
    return shared.pool;
  }

  /** @returns true when that was the subnet's last user and all of its addresses went with it */
  #dropAddresses(key: string): boolean {
    const shared = this.#addresses.get(key);
    if (!shared || --shared.users > 0) return false;
    return this.#addresses.delete(key);
  }

  #stateOf(networkId: string): NetworkState {
    const state = this.#networks.get(networkId);
    if (!state) throw notFound(`network ${networkId} not found`, { code: "network-not-found", context: { networkId } });
    return state;
  }

  #poolOf(networkId: string, address: string): NetworkPool {
    const { pools } = this.#stateOf(networkId);
    const found = pools.find(({ addresses }) => addresses.has(address));
    if (found) return found;
    throw invalid(`no configured subnet contains IP address ${address}`, {
      code: "address-outside-subnet",
      context: { address, subnets: pools.map(({ pool }) => pool.subnet) },
    });
  }
}

function joined({ pool, members }: NetworkPool, address: string, holder: AddressHolder): AllocatedAddress {
  members.set(address, holder.id);
  return { address, cidr: withPrefixOf(address, pool.subnet), pool };
}

/** What the user named goes first, so that an automatic gateway never sits on an auxiliary address, as it does in Docker. */
function takeOwnAddresses(network: Holder, addresses: AddressPool, entry: PoolConfig, range: Cidr | undefined, needsGateway: boolean) {
  const undo: string[] = [];
  const take = (what: string, address: string, holder: AddressHolder): string => {
    try {
      const canonical = addresses.take(address, holder);
      undo.push(canonical);
      return canonical;
    } catch (error) {
      throw withContext(`failed to allocate ${what}`, error);
    }
  };
  const gatewayHolder: AddressHolder = { use: "gateway", id: network.id, get name() { return network.name; } }; // biome-ignore format: a live name
  try {
    let gateway = entry.gateway ? take(`gateway (${entry.gateway})`, entry.gateway, gatewayHolder) : undefined;
    const auxiliary: Record<string, string> = {};
    for (const [name, address] of Object.entries(entry.auxiliary ?? {}))
      auxiliary[name] = take(`secondary ip address (${name}:${address})`, address, { use: "auxiliary", id: network.id, name });
    if (!gateway && needsGateway) {
      gateway = addresses.takeLowest(range, gatewayHolder);
      if (!gateway) throw noGateway(formatCidr(range ?? addresses.subnet));
    }
    return { gateway, auxiliary: Object.freeze(auxiliary) };
  } catch (error) {
    for (const address of undo) addresses.release(address, network.id);
    throw error;
  }
}

const noGateway = (within: string): FairwayError =>
  new FairwayError("internal", `failed to allocate gateway (): No available addresses on this pool: ${within} has no free address`, {
    code: "addresses-exhausted",
    context: { within },
  });

import { type Cidr, cidrOverlaps, FairwayError, type Family, formatCidr, invalid, parseCidr } from "#base";
import { type PredefinedPool, widestSize } from "./pools.ts";
import { PrefixTrie } from "./prefix-trie.ts";

/** Who holds something, in words a user knows. The object is kept, not copied: its name may change. */
export interface Holder {
  readonly id: string;
  readonly name: string;
}

export interface SubnetHolding {
  readonly subnet: Cidr;
  readonly range: Cidr | undefined;
  /** May lie in the same subnet as others that share, when their ranges are apart. */
  readonly shares: boolean;
  readonly holder: Holder;
}

/** How many holders an error's text and its context name. */
const NAMED = 3;
const LISTED = 100;

/**
 * The subnets of one address space, and who has them. Two networks never overlap in it; those chosen here moreover keep off every prefix the host
 * uses itself. All costs are independent of how many there are.
 */
export class PoolSpace {
  readonly #pools: readonly PredefinedPool[];
  readonly #tries = { 4: new PrefixTrie<SubnetHolding>(4), 6: new PrefixTrie<SubnetHolding>(6) };
  #avoided = new Map<string, Cidr>();

  constructor(pools: readonly PredefinedPool[]) {
    this.#pools = pools;
  }

  /**
   * Sets what dynamic choice keeps off: destinations of the host's routes (CIDR) and its nameservers (plain addresses). What covers half the address
   * space or all of it, `0.0.0.0/0`, `0.0.0.0/1`, `128.0.0.0/1` and their IPv6 likes, is a default route or a VPN's and says nothing of what is used.
   */
  setAvoided(prefixes: Iterable<string>): void {
    const next = new Map<string, Cidr>();
    for (const text of prefixes) {
      const cidr = parseCidr(text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`);
      if (cidr.prefix > 1) next.set(formatCidr(cidr), cidr);
    }
    for (const [text, cidr] of this.#avoided) if (!next.has(text)) this.#tries[cidr.family].unavoid(cidr);
    for (const [text, cidr] of next) if (!this.#avoided.has(text)) this.#tries[cidr.family].avoid(cidr);
    this.#avoided = next;
  }

  /**
   * Takes the lowest free subnet of the first pool that has one.
   * @param prefix wanted prefix length (`0.0.0.0/28`); each pool's own size unless given
   * @throws invalidParameter, code `pools-exhausted`, saying who holds what
   */
  choose(family: Family, holder: Holder, prefix?: number): SubnetHolding {
    const trie = this.#tries[family];
    for (const pool of this.#pools) {
      if (pool.base.family !== family) continue;
      const size = prefix ?? pool.size;
      const base = trie.lowestFree(pool.base, size);
      if (base === undefined) continue;
      const holding: SubnetHolding = { subnet: { family, base, prefix: size }, range: undefined, shares: false, holder };
      trie.add(holding.subnet, holding);
      return holding;
    }
    throw this.#exhausted(family, prefix);
  }

  /**
   * Takes a subnet the user named, whatever the host's routes are.
   * @throws forbidden, code `pool-overlap`, naming who has it
   */
  take(subnet: Cidr, holder: Holder, options: { range?: Cidr | undefined; shares?: boolean } = {}): SubnetHolding {
    const holding: SubnetHolding = { subnet, range: options.range, shares: options.shares ?? false, holder };
    for (const other of this.#tries[subnet.family].overlapping(subnet)) if (!mayShare(holding, other)) throw overlap(holding, other);
    this.#tries[subnet.family].add(subnet, holding);
    return holding;
  }

  release(holding: SubnetHolding): void {
    this.#tries[holding.subnet.family].remove(holding.subnet, holding);
  }

  /** Who holds addresses of this prefix. */
  holdersOf(prefix: Cidr): SubnetHolding[] {
    return [...this.#tries[prefix.family].overlapping(prefix)];
  }

  #exhausted(family: Family, prefix: number | undefined): FairwayError {
    const message = "all predefined address pools have been fully subnetted";
    const bases = this.#pools.filter((pool) => pool.base.family === family).map((pool) => pool.base);
    const widest = widestSize(this.#pools, family);
    if (widest === undefined)
      return invalid(`${message}: there is no IPv${family} pool; add one with --default-address-pool`, { code: "pools-exhausted" });
    if (prefix !== undefined && prefix < widest)
      return invalid(`${message}: no pool is as large as /${prefix}, the largest is a /${widest}`, {
        code: "pools-exhausted",
        context: { prefix, widest },
      });
    const count = bases.reduce((sum, base) => sum + this.#tries[family].countWithin(base), 0);
    const held: { subnet: string; network: string }[] = [];
    for (const base of bases)
      for (const { subnet, holder } of this.#tries[family].overlapping(base)) {
        if (held.length >= LISTED) break;
        held.push({ subnet: formatCidr(subnet), network: holder.name });
      }
    const avoided = [...this.#avoided].filter(([, cidr]) => bases.some((base) => cidrOverlaps(base, cidr))).map(([text]) => text);
    const parts = [`${count} subnets are held by networks${sample(held.map(({ network, subnet }) => `"${network}" ${subnet}`))}`];
    if (avoided.length > 0) parts.push(`${avoided.length} prefixes are used by this host${sample(avoided)}`);
    return invalid(`${message}: ${parts.join(", ")}; remove unused networks with "docker network prune" or give a --subnet`, {
      code: "pools-exhausted",
      context: { family, count, held, avoided: avoided.slice(0, LISTED) },
    });
  }
}

const sample = (names: readonly string[]): string =>
  names.length === 0 ? "" : ` (${names.slice(0, NAMED).join(", ")}${names.length > NAMED ? ", …" : ""})`;

const sameCidr = (a: Cidr, b: Cidr): boolean => a.family === b.family && a.base === b.base && a.prefix === b.prefix;

const mayShare = (a: SubnetHolding, b: SubnetHolding): boolean =>
  a.shares && b.shares && sameCidr(a.subnet, b.subnet) && !cidrOverlaps(a.range ?? a.subnet, b.range ?? b.subnet);

function overlap(wanted: SubnetHolding, other: SubnetHolding): FairwayError {
  const [subnet, range] = [formatCidr(other.subnet), other.range && formatCidr(other.range)];
  const sharing = wanted.shares && other.shares && sameCidr(wanted.subnet, other.subnet);
  const way = sharing
    ? `; networks can share it when each has an --ip-range of its own${range ? `, "${other.holder.name}" has ${range}` : ""}`
    : "";
  return new FairwayError(
    "forbidden",
    `invalid pool request: Pool overlaps with other one on this address space: ${subnet} is used by network "${other.holder.name}"${way}`,
    {
      code: "pool-overlap",
      context: { requested: formatCidr(wanted.subnet), subnet, range, network: other.holder.name, networkId: other.holder.id },
    },
  );
}

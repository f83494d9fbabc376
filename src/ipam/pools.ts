import { createHash } from "node:crypto";
import { type Cidr, type Family, formatCidr, invalid, parseCidr, parsePrefix, widthOf } from "#base";

/** A block that networks without a subnet of their own are cut from, `size` being each one's prefix length. */
export interface PredefinedPool {
  readonly base: Cidr;
  readonly size: number;
}

const pool = (base: string, size: number): PredefinedPool => ({ base: parseCidr(base), size });

/**
 * Docker's own fifteen /16s, docker0's first, and then, where Docker stops at sixteen /20s, /24s of what private space (RFC 1918) is left: 66,063
 * networks in all.
 */
export const DEFAULT_POOLS: readonly PredefinedPool[] = Object.freeze([
  ...Array.from({ length: 15 }, (_, index) => pool(`172.${17 + index}.0.0/16`, 16)),
  pool("192.168.0.0/16", 24),
  pool("10.0.0.0/8", 24),
  pool("172.16.0.0/16", 24),
]);

/** Pools of networks that span hosts (overlay). */
export const GLOBAL_POOLS: readonly PredefinedPool[] = Object.freeze([pool("10.0.0.0/8", 24)]);

/**
 * The host's own IPv6 block, RFC 4193: `fd00::/8`, then 40 bits that are the same for as long as the daemon's id is, so that two hosts hardly ever
 * collide. Same derivation as Docker's, so a host that changes over keeps its prefixes.
 */
export function ulaPool(daemonId: string): PredefinedPool {
  const digest = createHash("sha256").update(daemonId).digest();
  const globalId = digest.readBigUInt64BE(0) & ((1n << 40n) - 1n);
  return { base: { family: 6, base: (0xfdn << 120n) | (globalId << 80n), prefix: 48 }, size: 64 };
}

/**
 * The pools a daemon works with: the given ones, or the defaults when there are none; a family that the given ones lack has none, except that IPv6
 * always has the host's ULA block, as in Docker.
 */
export function effectivePools(given: readonly PredefinedPool[], daemonId: string): readonly PredefinedPool[] {
  const pools = given.length > 0 ? given : DEFAULT_POOLS;
  return pools.some(({ base }) => base.family === 6) ? pools : [...pools, ulaPool(daemonId)];
}

const FORM = "base=CIDR,size=N";

/** Reads one `--default-address-pool base=10.10.0.0/16,size=24`. @throws invalidParameter */
export function parseAddressPool(text: string): PredefinedPool {
  const fields = new Map<string, string>();
  for (const part of text.split(",")) {
    const [key = "", ...value] = part.split("=");
    fields.set(key.trim().toLowerCase(), value.join("=").trim());
  }
  const refuse = (why: string) =>
    invalid(`invalid default address pool "${text}": ${why}`, { code: "bad-address-pool", context: { value: text } });
  for (const key of fields.keys()) if (key !== "base" && key !== "size") throw refuse(`unexpected key '${key}', wanted ${FORM}`);
  const base = fields.get("base") ?? "";
  const size = fields.get("size") ?? "";
  if (base === "" || !/^\d{1,3}$/.test(size)) throw refuse(`wanted ${FORM}`);
  return checkedPool(base, Number(size), refuse);
}

/** The same from the daemon.json form `{"base": "10.10.0.0/16", "size": 24}`. @throws invalidParameter */
export function addressPool(base: string, size: number): PredefinedPool {
  return checkedPool(base, size, (why) =>
    invalid(`invalid default address pool ${base} of size ${size}: ${why}`, { code: "bad-address-pool", context: { base, size } }),
  );
}

function checkedPool(text: string, size: number, refuse: (why: string) => Error): PredefinedPool {
  const base = parseCidr(text);
  if (parsePrefix(text).ip.value !== base.base) throw refuse(`base should be ${formatCidr(base)}`);
  if (!Number.isInteger(size) || size < base.prefix || size > widthOf(base.family))
    throw refuse(`size ${size} must lie between the base's /${base.prefix} and /${widthOf(base.family)}`);
  return { base, size };
}

export const widestSize = (pools: readonly PredefinedPool[], family: Family): number | undefined =>
  pools
    .filter(({ base }) => base.family === family)
    .reduce<number | undefined>((best, { base }) => Math.min(best ?? 999, base.prefix), undefined);

import assert from "node:assert/strict";
import { it } from "node:test";
import { formatCidr } from "#base";
import { DEFAULT_POOLS, effectivePools, parseAddressPool, ulaPool } from "./pools.ts";

it("`DEFAULT_POOLS` are Docker's /16s and then /24s of what private space is left", () => {
  const pools = DEFAULT_POOLS.map(({ base, size }) => `${formatCidr(base)} ${size}`);
  assert.deepEqual([pools[0], pools[1], pools[14]], ["172.17.0.0/16 16", "172.18.0.0/16 16", "172.31.0.0/16 16"]);
  assert.deepEqual(pools.slice(15), ["192.168.0.0/16 24", "10.0.0.0/8 24", "172.16.0.0/16 24"]);
});

it("`ulaPool()` derives the prefix Docker derives from the same daemon id", () => {
  assert.equal(formatCidr(ulaPool("").base), "fd42:98fc:1c14::/48");
  assert.equal(formatCidr(ulaPool("499d4bc0-b0b3-416f-b1ee-cf6486315593").base), "fd62:fb69:18af::/48");
  assert.equal(ulaPool("").size, 64);
});

it("`effectivePools()` replaces the defaults, and adds the ULA block when no IPv6 pool is given", () => {
  const bases = (given: string[]) => effectivePools(given.map(parseAddressPool), "").map(({ base }) => formatCidr(base));
  assert.equal(bases([]).length, 19);
  assert.deepEqual(bases(["base=10.10.0.0/16,size=24"]), ["10.10.0.0/16", "fd42:98fc:1c14::/48"]);
  assert.deepEqual(bases(["base=10.10.0.0/16,size=24", "base=fd00:1::/56,size=64"]), ["10.10.0.0/16", "fd00:1::/56"]);
});

it("`parseAddressPool()` refuses what it cannot use, and says why", () => {
  for (const [text, why] of [
    ["", /unexpected key/],
    ["base=10.0.0.0/8", /wanted base=CIDR,size=N/],
    ["size=24", /wanted base/],
    ["base=10.0.0.0/8,size=24,mtu=5", /unexpected key 'mtu'/],
    ["base=10.0.0.1/8,size=24", /base should be 10\.0\.0\.0\/8/],
    ["base=10.0.0.0/8,size=4", /size 4 must lie between the base's \/8 and \/32/],
    ["base=10.0.0.0/8,size=33", /size 33/],
    ["base=nonsense,size=24", /invalid CIDR/],
  ] as const)
    assert.throws(() => parseAddressPool(text), why, text);
});

import assert from "node:assert/strict";
import { it } from "node:test";
import { type Cidr, cidrOverlaps, formatCidr, lastOf, parseCidr } from "#base";
import { PrefixTrie } from "./prefix-trie.ts";
import { randomFrom } from "./testing.ts";

it("`lowestFree()` finds the lowest aligned gap, whatever made it", () => {
  const trie = new PrefixTrie<string>(4);
  const within = parseCidr("10.0.0.0/16");
  trie.add(parseCidr("10.0.0.0/24"), "a");
  trie.avoid(parseCidr("10.0.1.5/32"));
  const free = (prefix: number) => formatCidr({ family: 4, base: trie.lowestFree(within, prefix) ?? -1n, prefix });
  assert.equal(free(24), "10.0.2.0/24");
  assert.equal(free(30), "10.0.1.0/30");
  assert.equal(free(22), "10.0.4.0/22");
  assert.equal(free(17), "10.0.128.0/17");
  assert.equal(trie.lowestFree(within, 16), undefined);
  assert.equal(trie.lowestFree(within, 8), undefined);
});

it("`lowestFree()` finds nothing inside a prefix that is taken whole", () => {
  const trie = new PrefixTrie<string>(6);
  trie.add(parseCidr("fd00::/8"), "a");
  assert.equal(trie.lowestFree(parseCidr("fd12:3456::/48"), 64), undefined);
});

for (const family of [4, 6] as const)
  it(`agrees with a list of prefixes through 3,000 random operations of IPv${family}`, () => {
    const random = randomFrom(family);
    const width = family === 4 ? 32 : 128;
    const top = { family, base: family === 4 ? 10n << 24n : 0xfd00n << 112n, prefix: width - 10 };
    const anywhere = (): Cidr => {
      const prefix = top.prefix + random(11);
      return { family, base: top.base | (BigInt(random(1 << (prefix - top.prefix))) << BigInt(width - prefix)), prefix };
    };
    const trie = new PrefixTrie<object>(family);
    const held: { cidr: Cidr; holder: object }[] = [];
    const avoided: Cidr[] = [];
    for (let round = 0; round < 3000; round++) {
      const cidr = anywhere();
      const action = random(8);
      if (action < 3) {
        held.push({ cidr, holder: { round } });
        trie.add(cidr, held.at(-1)!.holder);
      } else if (action < 4) {
        avoided.push(cidr);
        trie.avoid(cidr);
      } else if (action < 5 && avoided.length > 0) trie.unavoid(avoided.splice(random(avoided.length), 1)[0]!);
      else if (held.length > 0) {
        const [gone] = held.splice(random(held.length), 1);
        trie.remove(gone!.cidr, gone!.holder);
      }
      const blocks = [...held.map((entry) => entry.cidr), ...avoided];
      const prefix = top.prefix + random(11);
      const step = 1n << BigInt(width - prefix);
      let lowest: bigint | undefined;
      for (let base = top.base; base <= lastOf(top) && lowest === undefined; base += step)
        if (!blocks.some((block) => cidrOverlaps(block, { family, base, prefix }))) lowest = base;
      assert.equal(trie.lowestFree(top, prefix), lowest);
      const probe = anywhere();
      assert.deepEqual(
        new Set(trie.overlapping(probe)),
        new Set(held.filter((entry) => cidrOverlaps(entry.cidr, probe)).map((entry) => entry.holder)),
      );
    }
    for (const { cidr, holder } of held) trie.remove(cidr, holder);
    for (const cidr of avoided) trie.unavoid(cidr);
    assert.equal(trie.lowestFree({ family, base: 0n, prefix: 0 }, 0), 0n, "nodes are left behind");
  });

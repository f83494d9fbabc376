import assert from "node:assert/strict";
import { it } from "node:test";
import { IntervalSet } from "./intervals.ts";
import { randomFrom } from "./testing.ts";

it("`lowestFree()` gives nothing when the range is full", () => {
  const set = new IntervalSet();
  for (const value of [5n, 7n, 6n]) assert.ok(set.add(value));
  assert.equal(set.lowestFree(5n, 7n), undefined);
  assert.equal(set.lowestFree(5n, 8n), 8n);
  assert.equal(set.lowestFree(4n, 8n), 4n);
});

it("agrees with a Set through 20,000 random operations", () => {
  const random = randomFrom(7);
  const set = new IntervalSet();
  const model = new Set<bigint>();
  for (let round = 0; round < 20_000; round++) {
    const value = BigInt(random(200));
    const fill = round % 4000 < 2400;
    if (random(10) < (fill ? 7 : 3)) {
      assert.equal(set.add(value), !model.has(value));
      model.add(value);
    } else assert.equal(set.delete(value), model.delete(value));
    const [first, last] = [BigInt(random(200)), BigInt(random(200))];
    let lowest: bigint | undefined;
    let count = 0n;
    for (let candidate = first; candidate <= last; candidate++) {
      if (model.has(candidate)) count++;
      else lowest ??= candidate;
    }
    assert.equal(set.lowestFree(first, last), lowest);
    assert.equal(set.countWithin(first, last), count);
    assert.equal(set.has(first), model.has(first));
    assert.equal(set.size, BigInt(model.size));
  }
});

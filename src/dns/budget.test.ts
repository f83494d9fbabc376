import assert from "node:assert/strict";
import { test } from "node:test";
import { ForwardBudget } from "./budget.ts";

test("take() allows a burst, then the rate", () => {
  const budget = new ForwardBudget({ rate: 100, burst: 10 });
  const takeAll = (now: number) => {
    let taken = 0;
    while (budget.take(now)) taken++;
    return taken;
  };
  assert.equal(takeAll(1000), 10);
  assert.equal(takeAll(1005), 0);
  assert.equal(takeAll(1100), 10);
  assert.equal(takeAll(1150), 5);
  assert.equal(takeAll(99_000), 10, "no more than the burst is saved up");
});

test("take() refuses while too many are in flight", () => {
  const budget = new ForwardBudget({ maxInFlight: 2 });
  budget.inFlight = 2;
  assert.equal(budget.take(0), false);
  budget.inFlight = 1;
  assert.equal(budget.take(0), true);
});

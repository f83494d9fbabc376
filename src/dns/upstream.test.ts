import assert from "node:assert/strict";
import { test } from "node:test";
import { loopback } from "./testing.ts";
import { rank, Upstream } from "./upstream.ts";

test("health() goes good, unsure, down, unsure, good", () => {
  const upstream = new Upstream("10.0.0.1", loopback);
  assert.equal(upstream.health(0), "good");
  upstream.failed(0);
  upstream.failed(0);
  assert.equal(upstream.health(0), "unsure");
  upstream.failed(0);
  assert.equal(upstream.health(500), "down");
  assert.equal(upstream.health(1001), "unsure");
  upstream.failed(1001);
  assert.equal(upstream.health(2900), "down", "the pause doubles");
  for (let more = 0; more < 40; more++) upstream.failed(3000);
  assert.equal(upstream.health(33_001), "unsure", "up to 30 s");
  upstream.answered(5);
  assert.equal(upstream.health(3000), "good");
});

test("hedge() follows the round-trip time within bounds", () => {
  const upstream = new Upstream("10.0.0.1", loopback);
  assert.equal(upstream.hedge(), 400);
  upstream.answered(1);
  assert.equal(upstream.hedge(), 200);
  for (let round = 0; round < 30; round++) upstream.answered(150);
  assert.ok(Math.abs(upstream.hedge() - 450) < 5);
  for (let round = 0; round < 30; round++) upstream.answered(3000);
  assert.equal(upstream.hedge(), 1500);
});

test("rank() keeps the configured order, with those that are down or being tried last", () => {
  const [first, second, third] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) => new Upstream(address, loopback));
  const order = () =>
    rank([first!, second!, third!], 0)
      .map((one) => one.address.at(-1))
      .join("");
  assert.equal(order(), "123");
  second!.answered(1);
  assert.equal(order(), "123", "being quick changes nothing");
  first!.failed(0);
  assert.equal(order(), "123");
  first!.probes++;
  assert.equal(order(), "231");
  first!.probes--;
  for (let time = 0; time < 3; time++) first!.failed(0);
  assert.equal(order(), "231");
});

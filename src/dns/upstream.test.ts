import assert from "node:assert/strict";
import { test } from "node:test";
import { loopback } from "./testing.ts";
import { rank, Upstream, UpstreamPool } from "./upstream.ts";

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

test("UpstreamPool.from() remembers servers by namespace and leaves the embedded server out of its own", () => {
  const container = { ...loopback };
  const pool = new UpstreamPool(loopback);
  const servers = [
    { address: "10.0.0.1", via: "host" },
    { address: "127.0.0.11", via: "host" },
  ] as const;
  const [first, nested] = pool.from(servers, container);
  assert.equal(pool.from(servers, { ...loopback })[0], first);
  assert.equal(nested?.address, "127.0.0.11", "the host may be a container itself");
  const own = pool.from(
    [
      { address: "127.0.0.11", via: "container" },
      { address: "10.0.0.1", via: "container" },
    ],
    container,
  );
  assert.equal(own.length, 1);
  assert.notEqual(own[0], first);
  assert.equal(own[0]?.transport, container);
});

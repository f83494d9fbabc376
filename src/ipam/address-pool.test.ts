import assert from "node:assert/strict";
import { it } from "node:test";
import { FairwayError, parseCidr } from "#base";
import { type AddressHolder, AddressPool } from "./address-pool.ts";

const holder = (name: string, use: AddressHolder["use"] = "container"): AddressHolder => ({ use, id: `id-${name}`, name });
const pool = (subnet: string) => new AddressPool(parseCidr(subnet));
const fill = (subnet: string, range?: string) => {
  const addresses = pool(subnet);
  const given: string[] = [];
  for (let next: string | undefined; (next = addresses.takeLowest(range ? parseCidr(range) : undefined, holder("c"))); ) given.push(next);
  return given;
};

it("`takeLowest()` gives all but network and broadcast addresses, in order", () => {
  assert.deepEqual(fill("10.0.0.0/29"), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
  assert.deepEqual(fill("10.0.0.0/30"), ["10.0.0.1", "10.0.0.2"]);
});

it("`takeLowest()` gives every address of a /31 and a /32, and all but the first of IPv6", () => {
  assert.deepEqual(fill("10.0.0.0/31"), ["10.0.0.0", "10.0.0.1"]);
  assert.deepEqual(fill("10.0.0.7/32"), ["10.0.0.7"]);
  assert.deepEqual(fill("fd00::/126"), ["fd00::1", "fd00::2", "fd00::3"]);
});

it("`takeLowest()` keeps to the range, which may hold the subnet's own addresses", () => {
  assert.deepEqual(fill("10.0.0.0/24", "10.0.0.8/30"), ["10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.11"]);
  assert.deepEqual(fill("10.0.0.0/24", "10.0.0.252/30"), ["10.0.0.252", "10.0.0.253", "10.0.0.254"]);
});

it("`takeLowest()` reuses what was released at once, lowest first", () => {
  const addresses = pool("10.0.0.0/24");
  for (const name of ["a", "b", "c", "d"]) addresses.takeLowest(undefined, holder(name));
  addresses.release("10.0.0.3");
  addresses.release("10.0.0.2");
  assert.equal(addresses.takeLowest(undefined, holder("e")), "10.0.0.2");
});

it("`take()` gives any free address of the subnet in canonical form", () => {
  assert.equal(pool("fd00::/64").take("FD00:0:0:0::00ff", holder("a")), "fd00::ff");
  assert.throws(() => pool("10.0.0.0/24").take("10.0.1.1", holder("a")), { code: "address-outside-subnet" });
  assert.throws(() => pool("10.0.0.0/24").take("fd00::1", holder("a")), { code: "address-outside-subnet" });
});

it("`take()` names who has the address", () => {
  const addresses = pool("10.0.0.0/24");
  const db = { use: "container" as const, id: "1", name: "db" };
  addresses.take("10.0.0.5", db);
  addresses.take("10.0.0.1", holder("blue", "gateway"));
  addresses.take("10.0.0.9", holder("printer", "auxiliary"));
  addresses.take("10.0.0.10", { use: "foreign", id: "mac", name: "aa:bb:cc:dd:ee:ff" });
  db.name = "renamed";
  for (const [address, who] of [
    ["10.0.0.5", '10.0.0.5 is held by container "renamed"'],
    ["10.0.0.1", '10.0.0.1 is held by the gateway of network "blue"'],
    ["10.0.0.9", '10.0.0.9 is held by auxiliary address "printer"'],
    ["10.0.0.10", "10.0.0.10 is held by another machine (aa:bb:cc:dd:ee:ff)"],
    ["10.0.0.0", "10.0.0.0 is reserved in 10.0.0.0/24"],
    ["10.0.0.255", "10.0.0.255 is reserved in 10.0.0.0/24"],
  ] as const)
    assert.throws(
      () => addresses.take(address, holder("web")),
      (error) => {
        assert.ok(error instanceof FairwayError);
        assert.deepEqual([error.category, error.code, error.message], ["forbidden", "address-in-use", `Address already in use: ${who}`]);
        return true;
      },
    );
});

it("`release()` by another holder frees nothing", () => {
  const addresses = pool("10.0.0.0/24");
  addresses.take("10.0.0.5", holder("a"));
  addresses.release("10.0.0.5", "id-b");
  assert.equal(addresses.holderOf("10.0.0.5")?.name, "a");
  addresses.release("10.0.0.5", "id-a");
  assert.equal(addresses.holderOf("10.0.0.5"), undefined);
  addresses.release("10.0.0.0");
  assert.throws(() => addresses.take("10.0.0.0", holder("a")), { code: "address-in-use" });
});

it("`usage()` counts as Docker's Status.IPAM does", () => {
  const addresses = pool("10.0.0.0/24");
  addresses.take("10.0.0.1", holder("g", "gateway"));
  addresses.takeLowest(parseCidr("10.0.0.128/25"), holder("a"));
  assert.deepEqual(addresses.usage(undefined), { inUse: 4n, available: 252n });
  assert.deepEqual(addresses.usage(parseCidr("10.0.0.128/25")), { inUse: 4n, available: 126n });
  assert.deepEqual(pool("fd00::/64").usage(undefined), { inUse: 1n, available: (1n << 64n) - 1n });
});

it("`takeLowest()` hands out 60,000 addresses, each once, and then the one that was given back", () => {
  const addresses = pool("10.0.0.0/8");
  const given = Array.from({ length: 60_000 }, () => addresses.takeLowest(undefined, holder("c")));
  assert.equal(new Set(given).size, given.length);
  assert.equal(given.at(-1), "10.0.234.96");
  addresses.release("10.0.117.48");
  assert.equal(addresses.takeLowest(undefined, holder("c")), "10.0.117.48");
});

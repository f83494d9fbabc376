import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressBook } from "./addresses.ts";
import { engineConfig } from "./open.ts";
import type { NetworkRecord } from "./records.ts";

const MINUTE = 60_000;

/** A book of one network, 10.0.0.0/24, and its clock. */
function bookOfOne() {
  let now = 0;
  const book = new AddressBook(
    engineConfig({ dataRoot: "", execRoot: "" }),
    { routes: () => [] },
    (id) => ({ use: "container", id, name: id }),
    () => now,
  );
  const pools = [{ family: 4 as const, subnet: "10.0.0.0/24", auxiliary: {} }];
  const network = { id: "n1", name: "lan", driver: "macvlan", pools } as unknown as NetworkRecord;
  assert.deepEqual(
    book.restoreNetworks([network], () => true),
    [],
  );
  const take = (container: string, wanted?: string) => book.take(network, 4, wanted, container);
  return { book, take, pass: (milliseconds: number) => (now += milliseconds) };
}

test("`AddressBook.take()` passes over an address that somebody on the LAN has, and tries it again after some minutes", () => {
  const { book, take, pass } = bookOfOne();
  book.avoid("n1", "10.0.0.1/24", "02:00:00:00:00:01");
  assert.equal(take("a"), "10.0.0.2/24");
  pass(9 * MINUTE);
  assert.equal(take("b"), "10.0.0.3/24");
  pass(MINUTE);
  assert.equal(take("c"), "10.0.0.1/24");
});

test("`AddressBook.take()` tries again one old address at a time, as each may cost a container's start a probe", () => {
  const { book, take, pass } = bookOfOne();
  book.avoid("n1", "10.0.0.1", "02:00:00:00:00:01");
  book.avoid("n1", "10.0.0.2", "02:00:00:00:00:02");
  pass(11 * MINUTE);
  assert.equal(take("a"), "10.0.0.1/24");
  book.release("n1", "10.0.0.1/24", "a");
  book.avoid("n1", "10.0.0.1", "02:00:00:00:00:01");
  assert.equal(take("a"), "10.0.0.2/24");
  assert.equal(take("b"), "10.0.0.3/24");
});

test("`AddressBook.take()` gives an address that was somebody's at once to who names it, to be probed anew", () => {
  const { book, take } = bookOfOne();
  book.avoid("n1", "10.0.0.1", "02:00:00:00:00:01");
  assert.equal(take("a", "10.0.0.1"), "10.0.0.1/24");
  assert.throws(() => take("b", "10.0.0.1"), { category: "forbidden" });
  book.releaseNetwork("n1");
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { Poller } from "#kernel/ffi";
import { isolate } from "#kernel/netns";
import type { Operation } from "../diff.ts";
import { SETS } from "../sets.ts";
import type { ElementItem, SetName } from "../types.ts";
import { NftFirewall } from "./nft-firewall.ts";
import { setsOf } from "./placement.ts";
import { RulesetGuard } from "./ruleset-guard.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const options = { skip: isolated ? false : "needs root" };
const nft = (command: string) =>
  execFileSync("nft", command.split(" "), { encoding: "utf8" }).replace(/^table inet fairway-keep [\s\S]*?^}\n/m, "");
const item = (set: SetName, key: string[], value?: string[]): ElementItem => ({ type: "element", set, key, ...(value ? { value } : {}) });
const create = (element: ElementItem): Operation => ({ action: "create", item: element });
const remove = (before: ElementItem): Operation => ({ action: "delete", before });
const sorted = (items: readonly ElementItem[]) => items.map((element) => JSON.stringify(element)).toSorted();

const ITEMS: ElementItem[] = [
  item("bridges", ["br-a"]),
  item("within", ["br-a", "br-a"], ["accept"]),
  item("internal", ["br-b"]),
  item("inbound", ["br-a"], ["goto", "nat_routed_in"]),
  item("trusted", ["eth0", "br-a"]),
  item("routes", ["br-a", "br-b"]),
  item("masquerade4", ["br-a"]),
  item("masquerade6", ["br-a"]),
  item("snat4", ["br-b"], ["192.0.2.1"]),
  item("snat6", ["br-b"], ["2001:db8::1"]),
  item("publish4", ["tcp", "0.0.0.0/0", "8080"], ["10.0.0.2", "80"]),
  item("publish4", ["sctp", "192.0.2.1", "8080"], ["10.0.0.2", "80"]),
  item("publish6", ["udp", "::/0", "8080"], ["fd00::2", "80"]),
  item("publish6", ["tcp", "2001:db8::1", "8080"], ["fd00::2", "80"]),
  item("publish_range4", ["udp", "0.0.0.0/0", "9000-9100"], ["10.0.0.2"]),
  item("publish_range6", ["tcp", "2001:db8::1", "9000-9100"], ["fd00::2"]),
  item("open4", ["br-a", "tcp", "10.0.0.2", "80"]),
  item("open4", ["br-a", "tcp", "10.0.0.2", "90-99"]),
  item("open6", ["br-a", "udp", "fd00::2", "80"]),
  item("no_icc", ["veth0123456"]),
  item("links4", ["10.0.0.2", "10.0.0.3", "tcp", "80"]),
  item("links6", ["fd00::2", "fd00::3", "udp", "53"]),
];

test("every set takes elements and `read()` gives the same items back", options, () => {
  using firewall = new NftFirewall();
  firewall.load();
  assert.deepEqual(firewall.elements(ITEMS.map(create)).failure, undefined);
  assert.deepEqual(sorted(firewall.read()), sorted(ITEMS));
  assert.deepEqual(new Set(ITEMS.map(({ set }) => set)), new Set(Object.keys(SETS)));
  firewall.load();
  assert.deepEqual(sorted(firewall.read()), sorted(ITEMS));
  assert.equal(firewall.elements(ITEMS.map(remove)).failure, undefined);
  assert.equal(firewall.elements(ITEMS.map(remove)).failure, undefined, "deleting what is gone succeeds");
  assert.deepEqual(firewall.read(), []);
  firewall.unload();
  assert.equal(nft("list ruleset"), "");
  assert.match(execFileSync("nft", ["list", "ruleset"], { encoding: "utf8" }), /fairway-keep/);
});

test("`elements()` changes nothing when one fails, and says which", options, () => {
  using firewall = new NftFirewall();
  firewall.load();
  const port = item("publish4", ["tcp", "0.0.0.0/0", "80"], ["10.0.0.2", "80"]);
  const taken = { ...port, value: ["10.0.0.3", "80"] };
  firewall.elements([create(port)]);
  const operations = [create(item("bridges", ["br-x"])), create(taken), create(item("masquerade4", ["br-x"]))];
  const { done, failure } = firewall.elements(operations);
  assert.deepEqual(done, []);
  assert.equal(failure!.operation, operations[1]);
  assert.match(String(failure!.error), /publish4_any.*EEXIST/);
  assert.deepEqual(firewall.read(), [port]);
  assert.equal(firewall.elements([{ action: "change", before: port, item: taken }]).failure, undefined);
  assert.deepEqual(firewall.read(), [taken]);
  firewall.unload();
});

test("`read()` shows an element whose twin is missing as different, so that a repair makes both", options, () => {
  using firewall = new NftFirewall();
  firewall.load();
  const wanted = [item("within", ["br-a", "br-a"], ["accept"]), item("links4", ["10.0.0.2", "10.0.0.3", "tcp", "80"])];
  firewall.elements(wanted.map(create));
  nft("delete element inet fairway hairpin { br-a . br-a }");
  nft("delete element bridge fairway links4 { 10.0.0.2 . 10.0.0.3 . tcp . 80 }");
  const found = firewall.read();
  assert.equal(found.length, 2);
  for (const [index, { value }] of found.entries()) assert.notDeepEqual(value, wanted[index]!.value);
  firewall.elements(
    found.map((before, index) => ({ action: "change", before, item: wanted.find(({ set }) => set === found[index]!.set)! })),
  );
  assert.deepEqual(sorted(firewall.read()), sorted(wanted));
  firewall.unload();
});

test("a set in the kernel has the types that the codec writes", options, () => {
  using firewall = new NftFirewall();
  firewall.load();
  for (const name of Object.keys(SETS) as SetName[])
    for (const set of Object.values(setsOf(name)))
      assert.ok(nft(`list ${set.value ? "map" : "set"} ${set.family} fairway ${set.set}`).includes(`type ${set.key.join(" . ")}`));
  firewall.unload();
});

test("`load()` replaces the tables of another version, keeping the administrator's chain", options, () => {
  using firewall = new NftFirewall();
  nft("add table inet fairway");
  nft("add set inet fairway bridges { type ipv4_addr; }");
  nft("add chain inet fairway user");
  nft("add rule inet fairway user ip saddr 192.0.2.66 drop");
  firewall.load();
  assert.match(nft("list chain inet fairway user"), /192\.0\.2\.66/);
  assert.equal(nft("list chain inet fairway user").match(/drop/g)!.length, 1);
  assert.equal(firewall.elements([create(ITEMS[0]!)]).failure, undefined);
  assert.equal(firewall.intact(), true);
  firewall.unload();
});

test("`RulesetGuard` puts rules, elements and the administrator's chain back within a second of a flush", options, async () => {
  using firewall = new NftFirewall();
  using poller = new Poller();
  firewall.load();
  const repair = () => firewall.elements(ITEMS.map(create));
  repair();
  let repairs = 0;
  using guard = new RulesetGuard({
    firewall,
    poller,
    onElements: () => {
      repairs++;
      repair();
    },
  });
  const settle = async (until: () => boolean) => {
    const end = Date.now() + 30_000;
    while (!until() && Date.now() < end) await new Promise((done) => setTimeout(done, 10));
    assert.ok(until());
  };
  nft("add rule inet fairway user ip saddr 192.0.2.66 drop");
  await settle(() => repairs === 1);
  const before = nft("list ruleset");
  nft("flush ruleset");
  await settle(() => guard.restored === 1);
  assert.equal(nft("list ruleset"), before);
  assert.deepEqual(sorted(firewall.read()), sorted(ITEMS));
  nft("flush chain inet fairway forward");
  await settle(() => guard.restored === 2);
  assert.equal(nft("list ruleset"), before);
  nft("flush set inet fairway bridges");
  await settle(() => firewall.read().length === ITEMS.length);
  nft("add table inet foreign");
  nft("flush chain inet fairway user");
  await new Promise((done) => setTimeout(done, 100));
  nft("flush ruleset");
  await settle(() => guard.restored === 3);
  assert.doesNotMatch(nft("list ruleset"), /192\.0\.2\.66|foreign/);
  const settled = repairs;
  await new Promise((done) => setTimeout(done, 100));
  assert.equal(repairs, settled, "our own work is not answered");
  firewall.unload();
});

test("`RulesetGuard` tries again until the ruleset can be loaded", options, async () => {
  using firewall = new NftFirewall();
  using poller = new Poller();
  firewall.load();
  let refusals = 0;
  firewall.load = () => {
    if (refusals++ === 0) throw new Error("out of memory");
    NftFirewall.prototype.load.call(firewall);
  };
  let repairs = 0;
  using guard = new RulesetGuard({ firewall, poller, onElements: () => repairs++ });
  nft("flush ruleset");
  for (let tries = 0; tries < 600 && repairs === 0; tries++) await new Promise((done) => setTimeout(done, 50));
  assert.deepEqual([refusals, guard.restored, firewall.intact()], [2, 1, true]);
  firewall.unload();
});

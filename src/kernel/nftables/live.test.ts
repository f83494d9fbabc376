import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { FairwayError } from "#base";
import { isolate } from "#kernel/netns";
import { type Element, listRuleset, loadRuleset, NftSocket, type SetSchema, TransactionError } from "./mod.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const options = { skip: isolated ? false : "needs root" };
const at = { family: "inet", table: "t" } as const;
const PORTS: SetSchema = { ...at, set: "ports", key: ["inet_proto", "ipv4_addr", "inet_service"], value: ["ipv4_addr", "inet_service"] };
const RANGES: SetSchema = { ...at, set: "ranges", key: ["inet_proto", "ipv6_addr", "inet_service"], value: ["ipv6_addr"], interval: true };
const NAMES: SetSchema = { ...at, set: "names", key: ["ifname"] };
const VERDICTS: SetSchema = { ...at, set: "verdicts", key: ["ifname", "ifname"], value: "verdict" };
const NETS: SetSchema = { ...at, set: "nets", key: ["ipv4_addr"], interval: true };
const MARKS: SetSchema = { ...at, set: "marks", key: ["mark"], value: ["ether_addr"] };
const SETS = [PORTS, RANGES, NAMES, VERDICTS, NETS, MARKS];
const nft = (command: string) => execFileSync("nft", command.split(" "), { encoding: "utf8" });
const sorted = (elements: readonly Element[]) => elements.map((element) => JSON.stringify(element)).toSorted();

function fresh(): NftSocket {
  const socket = NftSocket.open();
  socket.transaction([
    { op: "addTable", ...at },
    { op: "deleteTable", ...at },
    { op: "addTable", ...at },
    { op: "addChain", ...at, chain: "closed" },
    ...SETS.map((set) => ({ op: "addSet", set }) as const),
  ]);
  return socket;
}

const CONTENT: [SetSchema, Element[]][] = [
  [
    PORTS,
    [
      { key: ["tcp", "0.0.0.0", "8080"], value: ["10.0.0.2", "80"] },
      { key: ["udp", "192.0.2.1", "53"], value: ["10.0.0.3", "5353"] },
    ],
  ],
  [
    RANGES,
    [
      { key: ["udp", "::/0", "9000-9100"], value: ["fd00::2"] },
      { key: ["tcp", "2001:db8::/32", "443"], value: ["fd00::3"] },
      { key: ["sctp", "fd00::1-fd00::5", "0-65535"], value: ["fd00::4"] },
    ],
  ],
  [NAMES, [{ key: ["br-0123456789ab"] }, { key: ["docker0"] }]],
  [
    VERDICTS,
    [
      { key: ["a", "b"], value: ["accept"] },
      { key: ["a", "c"], value: ["goto", "closed"] },
      { key: ["c", "a"], value: ["drop"] },
    ],
  ],
  [
    NETS,
    [{ key: ["10.0.0.0/8"] }, { key: ["192.0.2.7"] }, { key: ["192.0.2.9-192.0.2.20"] }, { key: ["192.0.2.21"] }, { key: ["224.0.0.0/3"] }],
  ],
  [MARKS, [{ key: ["0x0000002a"], value: ["02:42:ac:11:00:02"] }]],
];

test("`transaction()` adds elements of every kind, `readElements()` gives the same text back, nft prints them", options, () => {
  using socket = fresh();
  socket.transaction(CONTENT.map(([set, elements]) => ({ op: "addElements", set, elements })));
  for (const [set, elements] of CONTENT) assert.deepEqual(sorted(socket.readElements(set)), sorted(elements), set.set);
  assert.match(nft("list map inet t ports"), /tcp \. 0\.0\.0\.0 \. 8080 : 10\.0\.0\.2 \. 80/);
  assert.match(nft("list map inet t ranges"), /udp \. ::\/0 \. 9000-9100 : fd00::2/);
  assert.match(nft("list map inet t verdicts"), /"a" \. "c" : goto closed/);
  assert.match(nft("list set inet t nets"), /10\.0\.0\.0\/8, 192\.0\.2\.7,\s+192\.0\.2\.9-192\.0\.2\.20/);
  socket.transaction(CONTENT.map(([set, elements]) => ({ op: "deleteElements", set, elements })));
  for (const [set] of CONTENT) assert.deepEqual(socket.readElements(set), [], set.set);
});

test("`readElements()` reads what nft wrote", options, () => {
  using socket = fresh();
  nft("add element inet t ranges { tcp . fd00::/64 . 80-90 : fd00::9 , udp . fd00::1 . 53 : fd00::a }");
  nft("add element inet t nets { 10.1.0.0/16 , 10.3.0.5 , 10.2.0.0-10.2.0.9 , 255.0.0.0/8 }");
  nft("add element inet t verdicts { eth0 . eth1 : jump closed }");
  assert.deepEqual(
    sorted(socket.readElements(RANGES)),
    sorted([
      { key: ["tcp", "fd00::/64", "80-90"], value: ["fd00::9"] },
      { key: ["udp", "fd00::1", "53"], value: ["fd00::a"] },
    ]),
  );
  assert.deepEqual(
    sorted(socket.readElements(NETS)),
    sorted([{ key: ["10.1.0.0/16"] }, { key: ["10.3.0.5"] }, { key: ["10.2.0.0-10.2.0.9"] }, { key: ["255.0.0.0/8"] }]),
  );
  assert.deepEqual(socket.readElements(VERDICTS), [{ key: ["eth0", "eth1"], value: ["jump", "closed"] }]);
});

test("`transaction()` does all or nothing, and names the operation and element at fault", options, () => {
  using socket = fresh();
  const good: Element = { key: ["one"] };
  const many = Array.from({ length: 3000 }, (_, index) => ({ key: [`if${index}`] }));
  socket.transaction([{ op: "addElements", set: NAMES, elements: many }]);
  assert.throws(
    () =>
      socket.transaction([
        { op: "addElements", set: NAMES, elements: [good] },
        { op: "deleteElements", set: NAMES, elements: [...many, { key: ["missing"] }] },
      ]),
    (error) =>
      error instanceof TransactionError &&
      error.code === "enoent" &&
      error.element?.key[0] === "missing" &&
      /delete element inet t names .*missing/.test(error.message),
  );
  assert.equal(socket.readElements(NAMES).length, 3000);
  socket.transaction([{ op: "addElements", set: NAMES, elements: [{ key: ["if7"] }, good] }]);
  socket.transaction([{ op: "deleteElements", set: NAMES, elements: [{ key: ["missing"] }, good], ifPresent: true }]);
  assert.throws(() => socket.transaction([{ op: "addElements", set: NAMES, elements: [{ key: ["if7"] }], exclusive: true }]), /EEXIST/);
  assert.throws(
    () => socket.transaction([{ op: "addElements", set: { ...NAMES, set: "nosuch" }, elements: [good] }]),
    /add element inet t nosuch \{ one \}.*ENOENT/,
  );
  const port = { key: ["tcp", "0.0.0.0", "80"], value: ["10.0.0.2", "80"] };
  const other = { ...port, value: ["10.0.0.3", "80"] };
  socket.transaction([{ op: "addElements", set: PORTS, elements: [port] }]);
  assert.throws(() => socket.transaction([{ op: "addElements", set: PORTS, elements: [other] }]), /EEXIST/);
  socket.transaction([
    { op: "deleteElements", set: PORTS, elements: [port] },
    { op: "addElements", set: PORTS, elements: [other] },
  ]);
  assert.deepEqual(socket.readElements(PORTS), [other]);
  assert.throws(
    () => socket.transaction([{ op: "addElements", set: PORTS, elements: [{ key: ["tcp", "::1", "80"], value: ["10.0.0.2", "80"] }] }]),
    FairwayError,
  );
});

test("`transaction()` takes 40,000 elements at once", options, () => {
  using socket = fresh();
  const elements = Array.from({ length: 40_000 }, (_, index) => ({
    key: ["udp", `10.${index >> 14}.0.1`, String(index & 16383)],
    value: ["10.0.0.2", String(index & 16383)],
  }));
  socket.transaction([{ op: "addElements", set: PORTS, elements }]);
  assert.equal(socket.readElements(PORTS).length, 40_000);
});

test("`transaction()` goes through though others change the ruleset, and knows its own generations", options, () => {
  using socket = fresh();
  const before = socket.generation();
  assert.equal(socket.isOwn(before), true);
  nft("add table inet other");
  assert.equal(socket.isOwn(socket.generation()), false);
  socket.transaction([{ op: "addElements", set: NAMES, elements: [{ key: ["x"] }] }]);
  assert.equal(socket.isOwn(socket.generation()), true);
  assert.equal(socket.generation(), before + 2);
  socket.transaction([{ op: "addElements", set: NAMES, elements: [{ key: ["x"] }] }]);
  assert.equal(socket.generation(), before + 2, "nothing changed");
  nft("delete table inet other");
  assert.equal(socket.isOwn(socket.generation()), false);
});

test("`tables()`, `chains()`, `rules()` and `sets()` describe what nft made", options, () => {
  using socket = fresh();
  loadRuleset(
    'table inet t { comment "hello"; chain c { type nat hook output priority -100; ip daddr 127.0.0.11 udp dport 53 dnat ip to 127.0.0.11:4000\n}\n}',
  );
  assert.equal(socket.table(at)?.comment, undefined);
  assert.deepEqual(
    socket.chains(at).map(({ name, base }) => [name, base?.hook, base?.priority]),
    [
      ["closed", undefined, undefined],
      ["c", "output", -100],
    ],
  );
  const [rule] = socket.rules({ ...at, chain: "c" });
  assert.deepEqual(rule!.expressions.at(-1), {
    expr: "nat",
    type: "dnat",
    family: "ip",
    addrMin: 1,
    addrMax: 1,
    protoMin: 2,
    protoMax: 2,
    flags: 3,
  });
  assert.deepEqual(new Set(socket.sets(at).map(({ name }) => name)), new Set(SETS.map(({ set }) => set)));
  assert.deepEqual(socket.sets({ family: "inet", table: "none" }), []);
  assert.throws(() => loadRuleset("table inet t { nonsense }"), /syntax error/);
  assert.match(listRuleset(), /table inet t/);
  assert.ok(JSON.parse(listRuleset("host", true)).nftables.length > 5);
});

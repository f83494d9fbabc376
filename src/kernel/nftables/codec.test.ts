import assert from "node:assert/strict";
import { test } from "node:test";
import { FairwayError } from "#base";
import { encodeMessages, NLA_F_NESTED, NLM_F_REQUEST } from "#kernel/netlink";
import { NFTA_SET_ELEM_LIST_ELEMENTS } from "./constants.ts";
import { decodeElements, type Element, encodeOperations, type NftOperation, type SetField, type SetSchema } from "./mod.ts";
import { decodeRule } from "./rule.ts";
import { decodeSet } from "./set.ts";

const at = { family: "inet", table: "t" } as const;
const PORTS: SetSchema = { ...at, set: "ports", key: ["inet_proto", "ipv4_addr", "inet_service"], value: ["ipv4_addr", "inet_service"] };
const RANGES: SetSchema = { ...at, set: "ranges", key: ["inet_proto", "ipv6_addr", "inet_service"], value: ["ipv6_addr"], interval: true };
const NAMES: SetSchema = { ...at, set: "names", key: ["ifname"] };
const VERDICTS: SetSchema = { ...at, set: "verdicts", key: ["ifname", "ifname"], value: "verdict" };
const NETS: SetSchema = { ...at, set: "nets", key: ["ipv4_addr"], interval: true };

/** The message that `strace -e trace=sendmsg -e write=all nft -f` of nft 1.0.6 shows for each command. */
const GOLDEN: readonly (readonly [command: string, operation: NftOperation, message: string])[] = [
  [
    "add table inet x",
    { op: "addTable", family: "inet", table: "x" },
    "24000000000a010001000000000000000100000006000100780000000800020000000000",
  ],
  ["delete table inet t", { op: "deleteTable", ...at }, "1c000000020a01000100000000000000010000000600010074000000"],
  [
    "add chain inet t nat { type nat hook prerouting priority -100; policy accept; }",
    { op: "addChain", ...at, chain: "nat", base: { type: "nat", hook: "prerouting", priority: -100 } },
    "48000000030a01040100000000000000010000000600010074000000080003006e617400080007006e617400080005000000000114000480080001000000000008000200ffffff9c",
  ],
  [
    "add map inet t r2 { type ifname . inet_proto . ipv4_addr . inet_service : ipv4_addr; flags interval; }",
    {
      op: "addSet",
      set: { ...at, set: "r2", key: ["ifname", "inet_proto", "ipv4_addr", "inet_service"], value: ["ipv4_addr"], interval: true },
    },
    "ac000000090a010401000000000000000100000006000100740000000700020072320000080003000000008c0800040000a4c1cd080005000000001c0800060000000007080007000000000408000a000000000138000980340002800c00018008000100000000100c00018008000100000000010c00018008000100000000040c000180080001000000000220000d00000400000000010402000000030800040d0000000100060400000000",
  ],
  [
    "add map inet t v2 { type ifname : verdict; }",
    { op: "addSet", set: { ...at, set: "v2", key: ["ifname"], value: "verdict" } },
    "6c000000090a01040100000000000000010000000600010074000000070002007632000008000300000000080800040000000029080005000000001008000600ffffff00080007000000000008000a000000000116000d000004010000000104000000000604000000000000",
  ],
  [
    "add set inet t s2 { type ifname; }",
    { op: "addSet", set: { ...at, set: "s2", key: ["ifname"] } },
    "50000000090a01040100000000000000010000000600010074000000070002007332000008000300000000000800040000000029080005000000001008000a00000000010a000d000004010000000000",
  ],
  [
    "add element inet t ports { tcp . 192.0.2.1 . 8080 : 10.0.0.2 . 80 }",
    { op: "addElements", set: PORTS, elements: [{ key: ["tcp", "192.0.2.1", "8080"], value: ["10.0.0.2", "80"] }] },
    "5c0000000c0a010401000000000000000100000006000100740000000a000200706f72747300000008000400000000012c00038028000180140001801000010006000000c00002011f900000100002800c0001000a00000200500000",
  ],
  [
    "add element inet t ranges { udp . ::/0 . 9000-9100 : fd00::2 }",
    { op: "addElements", set: RANGES, elements: [{ key: ["udp", "::/0", "9000-9100"], value: ["fd00::2"] }] },
    "900000000c0a010401000000000000000100000006000100740000000b00020072616e67657300000800040000000002600003805c000180200001801c00010011000000000000000000000000000000000000002328000020000a801c00010011000000ffffffffffffffffffffffffffffffff238c00001800028014000100fd000000000000000000000000000002",
  ],
  [
    "add element inet t verdicts { br-a . br-a : goto closed }",
    { op: "addElements", set: VERDICTS, elements: [{ key: ["br-a", "br-a"], value: ["goto", "closed"] }] },
    "800000000c0a010401000000000000000100000006000100740000000d00020076657264696374730000000008000400000000044c00038048000180280001802400010062722d6100000000000000000000000062722d610000000000000000000000001c0002801800028008000100fffffffc0b000200636c6f7365640000",
  ],
  [
    "add element inet t nets { 10.0.0.0/8 }",
    { op: "addElements", set: NETS, elements: [{ key: ["10.0.0.0/8"] }] },
    "740000000c0a01040100000000000000010000000600010074000000090002006e657473000000000800040000000005440003801800018008000300000000010c0001800800010000000000100002800c000180080001000a0000001800038008000300000000010c000180080001000b000000",
  ],
  [
    "add element inet t names { docker0 }",
    { op: "addElements", set: NAMES, elements: [{ key: ["docker0"] }] },
    "500000000c0a010401000000000000000100000006000100740000000a0002006e616d65730000000800040000000003200003801c0001801800018014000100646f636b657230000000000000000000",
  ],
  [
    "create element inet t names { docker1 }",
    { op: "addElements", set: NAMES, elements: [{ key: ["docker1"] }], exclusive: true },
    "500000000c0a010601000000000000000100000006000100740000000a0002006e616d65730000000800040000000003200003801c0001801800018014000100646f636b657231000000000000000000",
  ],
  [
    "add rule inet t out ip daddr 127.0.0.11 udp dport 53 dnat ip to 127.0.0.11:40001",
    {
      op: "addRule",
      ...at,
      chain: "out",
      expressions: [
        { expr: "meta", key: "nfproto", dreg: 1 },
        { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(2) },
        { expr: "payload", dreg: 1, base: "network", offset: 16, length: 4 },
        { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(127, 0, 0, 11) },
        { expr: "meta", key: "l4proto", dreg: 1 },
        { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(17) },
        { expr: "payload", dreg: 1, base: "transport", offset: 2, length: 2 },
        { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(0, 53) },
        { expr: "immediate", dreg: 1, data: Uint8Array.of(127, 0, 0, 11) },
        { expr: "immediate", dreg: 2, data: Uint8Array.of(0x9c, 0x41) },
        { expr: "nat", type: "dnat", family: "ip", addrMin: 1, protoMin: 2, flags: 2 },
      ],
    },
    "18020000060a010c0100000000000000010000000600010074000000080002006f757400f401048024000180090001006d6574610000000014000280080002000000000f08000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800500010002000000340001800c0001007061796c6f6164002400028008000100000000010800020000000001080003000000001008000400000000042c00018008000100636d700020000280080001000000000108000200000000000c000380080001007f00000b24000180090001006d6574610000000014000280080002000000001008000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800500010011000000340001800c0001007061796c6f6164002400028008000100000000010800020000000002080003000000000208000400000000022c00018008000100636d700020000280080001000000000108000200000000000c00038006000100003500002c0001800e000100696d6d6564696174650000001800028008000100000000010c000280080001007f00000b2c0001800e000100696d6d6564696174650000001800028008000100000000020c000280060001009c41000038000180080001006e6174002c00028008000100000000010800020000000002080003000000000108000500000000020800070000000002",
  ],
  [
    "add rule inet t out fib daddr type local counter",
    {
      op: "addRule",
      ...at,
      chain: "out",
      expressions: [
        { expr: "fib", flags: 2, result: "type", dreg: 1 },
        { expr: "cmp", sreg: 1, op: "eq", data: Uint8Array.of(2, 0, 0, 0) },
        { expr: "opaque", name: "counter", data: new Uint8Array() },
      ],
    },
    "90000000060a010c0100000000000000010000000600010074000000080002006f7574006c0004802800018008000100666962001c0002800800030000000002080002000000000308000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800800010002000000140001800c000100636f756e7465720004000280",
  ],
  [
    "flush chain inet t out",
    { op: "flushChain", ...at, chain: "out" },
    "24000000080a01000100000000000000010000000600010074000000080002006f757400",
  ],
];

type Tree = readonly (readonly [type: number, value: string | Tree])[];

/** What nft says besides, for its own listing or for sets that are new in the transaction: by message type. */
const LEFT_OUT: Readonly<Record<number, readonly number[]>> = { 9: [13, 10], 12: [4] };

function tree(bytes: Buffer, from: number, inList = false): Tree {
  const found: [number, string | Tree][] = [];
  for (let offset = from; offset < bytes.length; ) {
    const length = bytes.readUInt16LE(offset);
    const type = bytes.readUInt16LE(offset + 2);
    const data = bytes.subarray(offset + 4, offset + length);
    const kind = type & 0x3fff;
    // nft numbers the entries of an element list.
    found.push([
      inList ? 1 : kind,
      type & NLA_F_NESTED ? tree(data, 0, from > 0 && kind === NFTA_SET_ELEM_LIST_ELEMENTS) : data.toString("hex"),
    ]);
    offset += (length + 3) & ~3;
  }
  return found;
}

function message(bytes: Buffer): unknown {
  const type = bytes.readUInt16LE(4) & 0xff;
  // nft says flags that are 0, and that an interval set has nothing before its first element.
  const redundant = /\[3,"00000000"\],|\[1,\[\[3,"00000001"\],\[1,\[\[1,"00000000"\]\]\]\]\],/g;
  const body = tree(bytes, 20).filter(([kind]) => !(LEFT_OUT[type] ?? []).includes(kind));
  return {
    type: bytes.readUInt16LE(4),
    flags: bytes.readUInt16LE(6) | NLM_F_REQUEST,
    header: bytes.subarray(16, 20).toString("hex"),
    body: type === 12 ? JSON.stringify(body).replace(redundant, "") : body,
  };
}

for (const [command, operation, hex] of GOLDEN) {
  test(`nft ${command}`, () => {
    const requests = encodeOperations([operation]).map(({ request }) => request);
    assert.deepEqual(message(Buffer.from(encodeMessages(requests, 1))), message(Buffer.from(hex, "hex")));
  });
}

test("`decodeRule()` and `decodeSet()` read what nft wrote", () => {
  const payload = (command: string) => Buffer.from(GOLDEN.find(([text]) => text.startsWith(command))![2], "hex").subarray(16);
  const [, rule] = GOLDEN.find(([text]) => text.startsWith("add rule inet t out ip"))!;
  assert.deepEqual(decodeRule(new Uint8Array(payload("add rule inet t out ip"))).expressions, rule.op === "addRule" && rule.expressions);
  const set = decodeSet(payload("add map inet t r2"));
  assert.deepEqual([set.name, set.flags, set.keyLength, set.dataLength], ["r2", 0x8c, 28, 4]);
});

/** A small generator whose seed is in the failure's message. */
function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const RANDOM: Readonly<Record<SetField, (next: (limit: number) => number) => string>> = {
  ifname: (next) => Array.from({ length: 1 + next(15) }, () => String.fromCharCode(97 + next(26))).join(""),
  inet_proto: (next) => ["tcp", "udp", "sctp", "icmp", "99"][next(5)]!,
  inet_service: (next) => String(next(65536)),
  ipv4_addr: (next) => [next(256), next(256), next(256), next(256)].join("."),
  ipv6_addr: (next) => `fd00:${(1 + next(65535)).toString(16)}::${(1 + next(65535)).toString(16)}`,
  ether_addr: (next) => Array.from({ length: 6 }, () => next(256).toString(16).padStart(2, "0")).join(":"),
  mark: (next) =>
    `0x${next(2 ** 32)
      .toString(16)
      .padStart(8, "0")}`,
};

const FIELDS = Object.keys(RANDOM) as SetField[];

function part(field: SetField, interval: boolean, next: (limit: number) => number): string {
  const single = RANDOM[field](next);
  if (!interval || next(2) === 0) return single;
  if (field === "inet_service") {
    const first = next(65000);
    return `${first}-${first + 1 + next(500)}`;
  }
  if (field === "ipv4_addr") return next(2) === 0 ? `10.${next(256)}.0.0/16` : `10.${next(256)}.0.1-10.255.255.${next(200) + 1}`;
  return field === "ipv6_addr" ? `fd00:${(1 + next(65535)).toString(16)}::/64` : single;
}

const payloads = (set: SetSchema, elements: readonly Element[]): Uint8Array[] =>
  encodeOperations([{ op: "addElements", set, elements }]).map(({ request }) => request.payload);

test("`decodeElements()` gives back what `encodeOperations()` was given, for any set", () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const next = random(seed);
    const fields = (most: number) => Array.from({ length: 1 + next(most) }, () => FIELDS[next(FIELDS.length)]!);
    const key = fields(4);
    const interval = key.length > 1 && next(2) === 0;
    const kind = next(3);
    const value = kind === 0 ? undefined : kind === 1 ? ("verdict" as const) : fields(3);
    const set: SetSchema = { ...at, set: "s", key, ...(value ? { value } : {}), ...(interval ? { interval } : {}) };
    const elements = Array.from({ length: 1 + next(20) }, (): Element => {
      const verdicts = [["accept"], ["drop"], ["return"], ["goto", "c"], ["jump", "d"]];
      const data =
        value === undefined ? {} : { value: value === "verdict" ? verdicts[next(5)]! : value.map((field) => RANDOM[field](next)) };
      return { key: key.map((field) => part(field, interval, next)), ...data };
    });
    assert.deepEqual(decodeElements(set, payloads(set, elements)), elements, `seed ${seed}`);
  }
});

test("`decodeElements()` throws a RangeError or decodes, whatever the bytes", () => {
  const clean = payloads(RANGES, [{ key: ["udp", "::/0", "9000-9100"], value: ["fd00::2"] }])[0]!;
  for (let seed = 1; seed <= 20_000; seed++) {
    const next = random(seed);
    const bytes = clean.slice(0, next(4) === 0 ? next(clean.length) : clean.length);
    for (let flips = next(6); flips >= 0 && bytes.length > 0; flips--) bytes[next(bytes.length)] = next(256);
    try {
      decodeElements(RANGES, [bytes]);
    } catch (error) {
      assert.ok(error instanceof RangeError, `seed ${seed}: ${error}`);
    }
  }
});

test("`encodeOperations()` splits many elements over messages that netlink can carry", () => {
  const elements = Array.from({ length: 16_384 }, (_, index) => ({
    key: ["udp", "192.0.2.1", String(index)],
    value: ["10.0.0.2", String(index)],
  }));
  const encoded = encodeOperations([{ op: "addElements", set: PORTS, elements }]);
  assert.ok(encoded.length > 10);
  for (const { request } of encoded) assert.ok(request.payload.length < 0x10000);
  assert.deepEqual(
    decodeElements(
      PORTS,
      encoded.map(({ request }) => request.payload),
    ),
    elements,
  );
});

test("`encodeOperations()` refuses text that is not of the set's types", () => {
  const refused: [SetSchema, Element][] = [
    [PORTS, { key: ["tcp", "192.0.2.1"], value: ["10.0.0.2", "80"] }],
    [PORTS, { key: ["tcp", "::1", "80"], value: ["10.0.0.2", "80"] }],
    [PORTS, { key: ["tcp", "192.0.2.1", "65536"], value: ["10.0.0.2", "80"] }],
    [PORTS, { key: ["tcp", "192.0.2.1", "80-81"], value: ["10.0.0.2", "80"] }],
    [PORTS, { key: ["teepee", "192.0.2.1", "80"], value: ["10.0.0.2", "80"] }],
    [PORTS, { key: ["tcp", "192.0.2.1", "80"] }],
    [NAMES, { key: ["sixteen-bytes-xx"] }],
    [NAMES, { key: [""] }],
    [VERDICTS, { key: ["a", "b"], value: ["goto"] }],
    [VERDICTS, { key: ["a", "b"], value: ["fly"] }],
    [RANGES, { key: ["tcp", "::1", "90-80"], value: ["::1"] }],
    [NETS, { key: ["10.0.0.0/33"] }],
  ];
  for (const [set, element] of refused)
    assert.throws(
      () => payloads(set, [element]),
      (error) => error instanceof FairwayError && error.category === "invalidParameter",
      JSON.stringify(element),
    );
});

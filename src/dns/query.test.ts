import assert from "node:assert/strict";
import { test } from "node:test";
import { keyToText } from "./name.ts";
import { QueryReader, UNANSWERABLE } from "./query.ts";
import { Rcode } from "./wire.ts";

const read = (hex: string) => {
  const reader = new QueryReader();
  // Not at the start of the buffer: offsets have to be relative to the message.
  const bytes = Buffer.from(`ffffff${hex}ffff`, "hex");
  return { status: reader.read(bytes, 3, bytes.length - 2), reader };
};

const GOLDEN: readonly [
  command: string,
  hex: string,
  expected: { text: string; type: number; class?: number; edns?: number; do?: boolean; cd?: boolean },
][] = [
  ["dig +noedns web", "b9f101200001000000000000037765620000010001", { text: "web", type: 1 }],
  [
    "dig +nocookie +dnssec WeB.Blue AAAA",
    "6ea1012000010000000000010357654204426c756500001c000100002904d0000080000000",
    { text: "web.blue", type: 28, edns: 1232, do: true },
  ],
  [
    "dig -x 172.18.0.2",
    "eb4701200001000000000001013201300231380331373207696e2d61646472046172706100000c000100002904d000000000000c000a0008b873b82f102e1bba",
    { text: "2.0.18.172.in-addr.arpa", type: 12, edns: 1232 },
  ],
  [
    "dig +noedns +noadflag +cdflag _http._tcp.web SRV",
    "c7a101100001000000000000055f68747470045f746370037765620000210001",
    { text: "_http._tcp.web", type: 33, cd: true },
  ],
  [
    "dig +noedns version.bind CH TXT",
    "e95e012000010000000000000776657273696f6e0462696e640000100003",
    { text: "version.bind", type: 16, class: 3 },
  ],
];

for (const [command, hex, expected] of GOLDEN)
  test(`QueryReader.read() reads what \`${command}\` sends`, () => {
    const { status, reader } = read(hex);
    assert.equal(status, Rcode.NOERROR);
    assert.equal(keyToText(reader.key), expected.text);
    assert.equal(reader.labels, expected.text.split(".").length);
    assert.equal(reader.type, expected.type);
    assert.equal(reader.class, expected.class ?? 1);
    assert.equal(reader.hasEdns, expected.edns !== undefined);
    assert.equal(reader.udpSize, expected.edns ?? 512);
    assert.equal(reader.dnssecOk, expected.do ?? false);
    assert.equal(reader.recursionDesired, 1);
    assert.equal(reader.checkingDisabled !== 0, expected.cd ?? false);
  });

const HEADER = "b9f101200001000000000000";
const BAD: readonly [what: string, hex: string, status: number][] = [
  ["nothing", "", UNANSWERABLE],
  ["eleven octets", "b9f10120000100000000 00".replace(" ", ""), UNANSWERABLE],
  ["a response", "b9f181800001000000000000037765620000010001", UNANSWERABLE],
  ["`dig +opcode=NOTIFY`", "822e21200001000000000000037765620000010001", Rcode.NOTIMP],
  ["`dig +edns=1`", "645f0120000100000000000103776562000001000100002904d0000100000000", Rcode.BADVERS],
  ["TC set", "b9f103200001000000000000037765620000010001", Rcode.FORMERR],
  ["no question", "b9f101200000000000000000", Rcode.FORMERR],
  ["two questions", "b9f10120000200000000000003776562000001000103776562000001 0001".replace(" ", ""), Rcode.FORMERR],
  ["an answer section", "b9f101200001000100000000037765620000010001", Rcode.FORMERR],
  ["a name that runs out", `${HEADER}3f776562`, Rcode.FORMERR],
  ["a name without its root", `${HEADER}03776562`, Rcode.FORMERR],
  ["a name without type and class", `${HEADER}0377656200`, Rcode.FORMERR],
  ["half a class", `${HEADER}03776562000001 00`.replace(" ", ""), Rcode.FORMERR],
  ["a pointer to itself", `${HEADER}c00c00010001`, Rcode.FORMERR],
  ["a pointer into the header", `${HEADER}c00000010001`, Rcode.FORMERR],
  ["a label of reserved type 0x40", `${HEADER}4000010001`, Rcode.FORMERR],
  ["a label of 64", `${HEADER}40${"61".repeat(64)}0000010001`, Rcode.FORMERR],
  ["a name of 256 octets", `${HEADER}${`3f${"61".repeat(63)}`.repeat(4)}0000010001`, Rcode.FORMERR],
  ["trailing octets", "b9f101200001000000000000037765620000010001ff", Rcode.FORMERR],
  ["an additional record that is not there", "b9f101200001000000000001037765620000010001", Rcode.FORMERR],
  ["an OPT record cut short", "6ea1012000010000000000010357654204426c756500001c000100002904d00000800000", Rcode.FORMERR],
  ["an OPT record whose options run out", "6ea1012000010000000000010357654204426c756500001c000100002904d0000080000004aa", Rcode.FORMERR],
  ["two OPT records", `b9f101200001000000000002037765620000010001${"00002904d0000000000000".repeat(2)}`, Rcode.FORMERR],
  ["an OPT record with an owner", "b9f10120000100000000000103776562000001000101610000 2904d0000000000000".replace(" ", ""), Rcode.FORMERR],
  [
    "an additional record whose owner points forward",
    "b9f101200001000000000001037765620000010001c0300010000100000000 0000".replace(" ", ""),
    Rcode.FORMERR,
  ],
];

for (const [what, hex, status] of BAD)
  test(`QueryReader.read() refuses ${what}`, () => {
    assert.equal(read(hex).status, status);
  });

test("QueryReader.read() takes the longest name there is", () => {
  const longest = `${`3f${"61".repeat(63)}`.repeat(3)}3d${"61".repeat(61)}00`;
  const { status, reader } = read(`${HEADER}${longest}00010001`);
  assert.equal(status, Rcode.NOERROR);
  assert.equal(reader.key.length, 254);
});

test("QueryReader.read() forgets what the query before said", () => {
  const reader = new QueryReader();
  const withEdns = Buffer.from(GOLDEN[1]![1], "hex");
  const plain = Buffer.from(GOLDEN[0]![1], "hex");
  reader.read(withEdns, 0, withEdns.length);
  reader.read(plain, 0, plain.length);
  assert.deepEqual([reader.hasEdns, reader.dnssecOk, reader.udpSize, reader.labels], [false, false, 512, 1]);
});

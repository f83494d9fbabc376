import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "./random.ts";
import { encodeUpstreamQuery, fitReply, parseReply } from "./reply.ts";
import { FORWARD } from "./resolver.ts";
import { decodeMessage, encodeQuery, makeResolver, replyA } from "./testing.ts";
import { DnsZones } from "./zones.ts";

/** 200,000 packets unless FAIRWAY_FUZZ says how many; FAIRWAY_SEED makes another run, or the same again. */
const ROUNDS = Number(process.env.FAIRWAY_FUZZ ?? 200_000);
const SEED = Number(process.env.FAIRWAY_SEED ?? 1);

const INTERESTING = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xff, 12, 41, 28];

/** Flips, splices, cuts and grows a packet in place. @returns its new length */
function mutate(packet: Buffer, length: number, random: () => number): number {
  let size = length;
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    const at = Math.floor(random() * Math.max(1, size));
    const kind = random();
    if (kind < 0.35) packet[at] = Math.floor(random() * 256);
    else if (kind < 0.6) packet[at] = INTERESTING[Math.floor(random() * INTERESTING.length)]!;
    else if (kind < 0.7) packet[at]! ^= 1 << Math.floor(random() * 8);
    else if (kind < 0.8) size = at;
    else if (kind < 0.9) {
      const extra = Math.min(packet.length - size, Math.floor(random() * 40));
      for (let more = 0; more < extra; more++) packet[size + more] = Math.floor(random() * 256);
      size += extra;
    } else packet.copyWithin(at, Math.floor(random() * Math.max(1, size)), size);
  }
  return size;
}

test(`answer() survives ${ROUNDS} mutated packets: no throw, no stray write, no amplification`, () => {
  const random = seededRandom(SEED);
  const zones = new DnsZones();
  for (let index = 0; index < 60; index++)
    zones.addEndpoint("n1", "blue", {
      endpointId: `e${index}`,
      names: ["pool", `c${index}`],
      ipv4: `10.0.0.${index}`,
      ipv6: `fd00::${index}`,
    });
  const resolver = makeResolver({ networks: [{ id: "n1", name: "blue" }], links: [{ networkId: "n1", alias: "l", target: "c1" }] }, zones);
  const seeds = [
    encodeQuery("pool", 1),
    encodeQuery("C1.Blue", 28, { edns: 1232 }),
    encodeQuery("1.0.0.10.in-addr.arpa", 12),
    encodeQuery("_http._tcp.c1", 33, { edns: 4096 }),
    encodeQuery("l", 255),
    encodeQuery("www.example.org", 65, { edns: 512 }),
    encodeQuery(`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`, 1),
  ];
  const packet = Buffer.alloc(1024);
  const into = Buffer.alloc(4096 + 64);
  const outcomes = { dropped: 0, forwarded: 0, answered: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const seed = seeds[round % seeds.length]!;
    seed.copy(packet);
    const length = mutate(packet, seed.length, random);
    into.fill(0xa5, 4096);
    const size = resolver.answer(packet, 0, length, into, 0, 4096, false);
    if (size === FORWARD) outcomes.forwarded++;
    else if (size === 0) outcomes.dropped++;
    else {
      outcomes.answered++;
      const allowed = Math.max(512, zones.reader.udpSize);
      if (size > allowed || into[4096] !== 0xa5) assert.fail(`round ${round}: ${size} octets for ${packet.toString("hex", 0, length)}`);
      if (round % 16 === 0) decodeMessage(into.subarray(0, size));
    }
  }
  for (const [outcome, count] of Object.entries(outcomes)) assert.ok(count > ROUNDS / 200, `${outcome}: ${count}`);
});

test(`parseReply() and fitReply() survive ${ROUNDS} mutated replies, and what they pass on is well-formed`, () => {
  const random = seededRandom(SEED + 1);
  const question = encodeQuery("Www.Example.Org", 1).subarray(12);
  const query = encodeUpstreamQuery(
    7,
    question,
    { wire: question, recursionDesired: true, checkingDisabled: false, authenticData: false, dnssecOk: false },
    true,
  );
  const soa = Buffer.from("c00c00060001000000050024026e73c00c0a686f73746d6173746572c00c00000001000002000000030000000400000005", "hex");
  const withAuthority = Buffer.concat([
    replyA(query, "192.0.2.1", { rcode: 3 }),
    soa.subarray(0, 10),
    Buffer.from([0, 0x25]),
    soa.subarray(12),
  ]);
  withAuthority[9] = 1;
  const withOpt = Buffer.concat([
    replyA(query, "192.0.2.1", { copies: 3 }),
    Buffer.from("00002904d000000000000000", "hex").subarray(0, 11),
  ]);
  withOpt[11] = 1;
  const cname = Buffer.from("c00c000500010000003c0006016103 6f7267c0 1c".replaceAll(" ", ""), "hex");
  const withCname = Buffer.concat([replyA(query, "192.0.2.1", { copies: 0 }), cname]);
  withCname[7] = 1;
  const seeds = [replyA(query, "192.0.2.1", { copies: 40 }), withAuthority, withOpt, withCname];
  const head = Buffer.concat([encodeQuery("wWW.eXAMPLE.oRG", 1).subarray(0, 12 + question.length)]);
  const packet = Buffer.alloc(2048);
  let passed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const seed = seeds[round % seeds.length]!;
    seed.copy(packet);
    let length = seed.length;
    // Behind the question, or nearly all would be refused for not matching it.
    length = 12 + question.length + mutate(packet.subarray(12 + question.length), length - 12 - question.length, random);
    if (random() < 0.3) packet[4 + Math.floor(random() * 8)] = Math.floor(random() * 3);
    const reply = parseReply(packet.subarray(0, length), 7, question);
    if (typeof reply === "string") continue;
    const room = [512, 600, 4096][round % 3]!;
    const hasEdns = round % 2 === 0;
    const fitted = fitReply(reply, { head, hasEdns, dnssecOk: false, room });
    if (fitted.length > room) assert.fail(`round ${round}: ${fitted.length} > ${room}`);
    if (round % 4 === 0) decodeMessage(fitted);
    passed++;
  }
  assert.ok(passed > ROUNDS / 50, `${passed} of ${ROUNDS} passed`);
});

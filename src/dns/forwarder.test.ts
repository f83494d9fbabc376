import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { Forwarder } from "./forwarder.ts";
import { FORWARD, SandboxResolver } from "./resolver.ts";
import { decodeMessage, encodeQuery, fakeServer, loopback, makeResolver, questionEnd, replyA } from "./testing.ts";
import { Upstream } from "./upstream.ts";
import { RecordType } from "./wire.ts";
import { DnsZones } from "./zones.ts";

const { A, AAAA } = RecordType;
const upstream = (port: number) => new Upstream("127.0.0.1", loopback, port);
/** One that is given the longest time before another is asked beside it. */
const patient = (port: number) => Object.assign(upstream(port), { roundTrip: 10_000 });
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function forward(resolver: ReturnType<typeof makeResolver>, query: Buffer, overTcp = false) {
  const into = Buffer.alloc(4096);
  assert.equal(resolver.answer(query, 0, query.length, into, 0, into.length, overTcp), FORWARD);
  const result = await resolver.forward(query, overTcp);
  assert.ok(result);
  return decodeMessage(result.answer);
}

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

const lowerName = (query: Buffer) => {
  const copy = Buffer.from(query);
  for (let at = 12; at < questionEnd(query) - 4; at++) if (copy[at]! >= 65 && copy[at]! <= 90) copy[at]! += 32;
  return copy;
};

test("forward() gives the upstream's answer with the client's id, letter case and flags", async () => {
  await using server = await fakeServer((query) => replyA(query, "192.0.2.1"));
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  const answer = await forward(resolver, encodeQuery("wWw.Example.ORG", A, { id: 0xabcd }));
  assert.equal(answer.id, 0xabcd);
  assert.equal(answer.question?.raw, "\x03wWw\x07Example\x03ORG");
  assert.deepEqual(
    answer.answers.map((record) => record.data),
    ["192.0.2.1"],
  );
  assert.deepEqual([answer.rcode, answer.flags.ra, answer.flags.rd, answer.edns], [0, true, true, undefined]);
});

test("forward() asks with random ids, ports and letter case, and EDNS", async () => {
  await using server = await fakeServer((query) => replyA(query, "192.0.2.1"));
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  for (let round = 0; round < 20; round++) await forward(resolver, encodeQuery("a-rather-long-name.example.org", A));
  assert.equal(server.queries.length, 20);
  const ids = new Set(server.queries.map((query) => query.readUInt16BE(0)));
  const cases = new Set(server.queries.map((query) => query.toString("latin1", 12, 40)));
  assert.ok(
    ids.size > 17 && cases.size > 17 && server.ports.size > 15,
    `${ids.size} ids, ${cases.size} spellings, ${server.ports.size} ports`,
  );
  assert.ok(server.queries.every((query) => query[11] === 1 && query.readUInt16BE(questionEnd(query) + 3) === 1232));
});

test("forward() says whether an answer was validated to a client that asks by AD or DO, and to no other", async () => {
  await using server = await fakeServer((query) => {
    const reply = replyA(query, "192.0.2.1");
    // A resolver that validates, for those who asked it by AD or in an OPT record by DO.
    if ((query[3]! & 0x20) > 0 || (query.at(-4)! & 0x80) > 0) reply[3]! |= 0x20;
    return reply;
  });
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  const validated = async (flags: number, edns?: number, dnssecOk = false) => {
    const query = encodeQuery("signed.example.org", A, { flags, ...(edns ? { edns } : {}) });
    if (dnssecOk) query[query.length - 4] = 0x80;
    return (await forward(resolver, query)).flags.ad;
  };
  assert.equal(await validated(0x0120), true, "AD");
  assert.equal(await validated(0x0100), false);
  assert.equal(await validated(0x0100, 1232), false);
  assert.equal(await validated(0x0100, 1232, true), true, "DO");
  assert.deepEqual(await Promise.all([validated(0x0100), validated(0x0120)]), [false, true], "at once");
});

test("forward() passes NXDOMAIN on, and an empty answer", async () => {
  await using server = await fakeServer((query) => replyA(query, "", { rcode: 3 }));
  await using second = await fakeServer((query) => replyA(query, "192.0.2.2"));
  const resolver = makeResolver({ upstreams: [upstream(server.port), upstream(second.port)] });
  assert.equal((await forward(resolver, encodeQuery("no.example.org", A))).rcode, 3);
  assert.equal(second.queries.length, 0);
});

for (const [what, rcode] of [
  ["SERVFAIL", 2],
  ["REFUSED", 5],
] as const)
  test(`forward() goes on to the next upstream after ${what}`, async () => {
    await using bad = await fakeServer((query) => replyA(query, "", { rcode }));
    await using good = await fakeServer((query) => replyA(query, "192.0.2.2"));
    const resolver = makeResolver({ upstreams: [upstream(bad.port), upstream(good.port)] });
    assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data, "192.0.2.2");
    const alone = makeResolver({ upstreams: [upstream(bad.port)] });
    assert.equal((await forward(alone, encodeQuery("www.example.org", A))).rcode, 2);
  });

test("forward() is at the next upstream at once when a port is closed", async () => {
  await using good = await fakeServer((query) => replyA(query, "192.0.2.2"));
  const dead = patient(await closedPort());
  const resolver = makeResolver({ upstreams: [dead, upstream(good.port)] });
  const started = performance.now();
  assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data, "192.0.2.2");
  assert.ok(performance.now() - started < dead.hedge());
});

test("forward() remembers a dead upstream: the first question waits a moment, the fourth not at all", async () => {
  await using dead = await fakeServer(() => undefined);
  await using good = await fakeServer((query) => replyA(query, "192.0.2.2"));
  const first = patient(dead.port);
  const resolver = makeResolver({ upstreams: [first, upstream(good.port)] });
  for (let round = 0; round < 12; round++) {
    if (round > 2 && round < 6) await pause(450);
    assert.equal((await forward(resolver, encodeQuery(`www${round}.example.org`, A))).answers[0]?.data, "192.0.2.2");
  }
  assert.ok(dead.queries.length < 12, `left alone while it is down: asked ${dead.queries.length} times`);
});

test("forward() is back at the first upstream once that answers again", async () => {
  let alive = true;
  await using first = await fakeServer((query) => (alive ? replyA(query, "192.0.2.1") : undefined));
  await using second = await fakeServer((query) => replyA(query, "192.0.2.2"));
  const back = patient(first.port);
  const resolver = makeResolver({ upstreams: [back, upstream(second.port)] });
  const next = async () => (await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data;
  assert.equal(await next(), "192.0.2.1");
  alive = false;
  assert.equal(await next(), "192.0.2.2");
  alive = true;
  await next();
  while (back.health(performance.now()) !== "good") await pause(10);
  second.queries.length = 0;
  assert.equal(await next(), "192.0.2.1");
  assert.equal(second.queries.length, 0);
});

test("forward() says SERVFAIL when every upstream is dead, and with none at all", async () => {
  await using dead = await fakeServer(() => undefined);
  const resolver = makeResolver({ upstreams: [upstream(dead.port)] }, undefined, { timeout: 700 });
  assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).rcode, 2);
  assert.equal((await forward(makeResolver(), encodeQuery("www.example.org", A))).rcode, 2);
  assert.equal(resolver.counters.failed, 1);
});

test("forward() does not wait for a slow upstream when a quick one has the name, but lets the first deny it", async () => {
  const denied = Promise.withResolvers<void>();
  await using silent = await fakeServer(() => undefined);
  await using quick = await fakeServer((query) => replyA(query, "192.0.2.2"));
  const resolver = makeResolver({ upstreams: [upstream(silent.port), upstream(quick.port)] });
  assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data, "192.0.2.2");
  await using slow = await fakeServer(async (query) => {
    await denied.promise;
    await pause(100);
    return replyA(query, "192.0.2.1");
  });
  await using denying = await fakeServer((query) => {
    denied.resolve();
    return replyA(query, "", { rcode: 3 });
  });
  const split = makeResolver({ upstreams: [upstream(slow.port), upstream(denying.port)] });
  const answer = await forward(split, encodeQuery("intranet.example.org", A));
  assert.deepEqual([answer.rcode, answer.answers[0]?.data], [0, "192.0.2.1"], "a later server's NXDOMAIN waits for the first one's answer");
});

test("forward() ignores replies with a wrong id, question or type, and takes the right one after them", async () => {
  await using liar = await fakeServer((query) => {
    const wrongId = replyA(query, "6.6.6.6");
    wrongId.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0);
    const wrongName = replyA(query, "6.6.6.6");
    wrongName[13]! ^= 1;
    const wrongType = replyA(query, "6.6.6.6");
    wrongType[questionEnd(query) - 3]! ^= 1;
    const noQuestion = replyA(query, "6.6.6.6");
    noQuestion[5] = 0;
    const aQuery = replyA(query, "6.6.6.6");
    aQuery[2] = 1;
    return [wrongId, wrongName, wrongType, noQuestion, aQuery, Buffer.alloc(3), replyA(query, "192.0.2.1")];
  });
  const resolver = makeResolver({ upstreams: [upstream(liar.port)] });
  assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data, "192.0.2.1");
});

test("forward() ignores a reply from another source", async () => {
  const stranger = createSocket("udp4");
  await using server = await fakeServer(async (query) => {
    for (const port of server.ports) stranger.send(replyA(query, "6.6.6.6"), port, "127.0.0.1");
    await pause(50);
    return replyA(query, "192.0.2.1");
  });
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data, "192.0.2.1");
  stranger.close();
});

test("forward() gives up on an upstream that only lies, and goes on", async () => {
  await using liar = await fakeServer((query) =>
    Array.from({ length: 40 }, (_, index) => {
      const forged = replyA(query, "6.6.6.6");
      forged.writeUInt16BE((query.readUInt16BE(0) + 1 + index) & 0xffff, 0);
      return forged;
    }),
  );
  await using good = await fakeServer((query) => replyA(query, "192.0.2.2"));
  const resolver = makeResolver({ upstreams: [upstream(liar.port), upstream(good.port)] });
  assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data, "192.0.2.2");
});

test("forward() does not pass on a malformed reply", async () => {
  await using bad = await fakeServer((query) => {
    const reply = replyA(query, "192.0.2.1");
    reply[reply.length - 5] = 9;
    return reply;
  });
  await using good = await fakeServer((query) => replyA(query, "192.0.2.2"));
  const resolver = makeResolver({ upstreams: [upstream(bad.port), upstream(good.port)] });
  assert.equal((await forward(resolver, encodeQuery("www.example.org", A))).answers[0]?.data, "192.0.2.2");
});

test("forward() asks again in plain letters when a server does not keep their case, and remembers it", async () => {
  await using server = await fakeServer((query) => replyA(lowerName(query), "192.0.2.1"));
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  const name = "a-rather-long-name.example.org";
  assert.equal((await forward(resolver, encodeQuery(name, A))).answers[0]?.data, "192.0.2.1");
  assert.equal(server.queries.length, 2);
  assert.notEqual(server.queries[0]!.readUInt16BE(0), server.queries[1]!.readUInt16BE(0), "with a new id");
  await forward(resolver, encodeQuery(name, AAAA));
  assert.equal(server.queries.length, 3);
  assert.ok(server.queries[2]!.includes(name.split(".")[0]!));
});

test("forward() asks again without EDNS when a server says FORMERR, and remembers it", async () => {
  await using server = await fakeServer((query) => {
    if (query[11] === 0) return replyA(query, "192.0.2.1");
    const formerr = Buffer.from(query.subarray(0, 12));
    formerr[2] = 0x81;
    formerr[3] = 0x81;
    formerr.writeUInt16BE(0, 4);
    formerr.writeUInt16BE(0, 10);
    return formerr;
  });
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  const answer = await forward(resolver, encodeQuery("www.example.org", A, { edns: 1232 }));
  assert.equal(answer.answers[0]?.data, "192.0.2.1");
  assert.deepEqual(answer.edns, { size: 1232, dnssecOk: false }, "the client still gets its OPT");
  await forward(resolver, encodeQuery("www2.example.org", A));
  assert.equal(server.queries.length, 3);
});

test("forward() fetches a truncated answer over TCP, and cuts it for a client that takes less", async () => {
  await using server = await fakeServer((query, overTcp) => replyA(query, "192.0.2.1", overTcp ? { copies: 200 } : { truncated: true }));
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  const whole = await forward(resolver, encodeQuery("www.example.org", A), true);
  assert.deepEqual([whole.answers.length, whole.flags.tc], [200, false]);
  const plain = await forward(resolver, encodeQuery("www.example.org", A));
  assert.deepEqual([plain.answers.length, plain.flags.tc], [Math.floor((512 - 33) / 16), true]);
  const edns = await forward(resolver, encodeQuery("www.example.org", A, { edns: 4096 }));
  assert.deepEqual([edns.answers.length, edns.flags.tc], [200, false]);
});

test("forward() passes TC on when the server has no TCP", async () => {
  await using server = await fakeServer((query) => replyA(query, "192.0.2.1", { truncated: true }), { tcp: false });
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  const answer = await forward(resolver, encodeQuery("www.example.org", A));
  assert.deepEqual([answer.rcode, answer.flags.tc], [0, true]);
});

test("forward() asks once for identical questions in flight; each client has its own id and spelling back", async () => {
  await using server = await fakeServer((query) => pause(30).then(() => replyA(query, "192.0.2.1")));
  const resolver = makeResolver({ upstreams: [upstream(server.port)] });
  const answers = await Promise.all(
    ["www.example.org", "WWW.example.org", "www.EXAMPLE.org"].map((name, index) => forward(resolver, encodeQuery(name, A, { id: index }))),
  );
  assert.equal(server.queries.length, 1);
  assert.deepEqual(
    answers.map((answer) => [answer.id, answer.question?.raw.slice(1, 4)]),
    [
      [0, "www"],
      [1, "WWW"],
      [2, "www"],
    ],
  );
});

test("forward() refuses beyond a sandbox's limit and, but for a few questions each, beyond the limit of all", async () => {
  await using dead = await fakeServer(() => undefined);
  const resolver = makeResolver({ upstreams: [upstream(dead.port)] }, undefined, { timeout: 300 });
  const answers = await Promise.all(Array.from({ length: 270 }, (_, index) => forward(resolver, encodeQuery(`n${index}.example.org`, A))));
  assert.equal(answers.filter((answer) => answer.rcode === 5).length, 270 - 256);
  assert.equal(answers.filter((answer) => answer.rcode === 2).length, 256);
  assert.equal(resolver.counters.refused, 14);
  const shared = new Forwarder({ timeout: 300, maxInFlight: 10 });
  const sandboxOf = (sandboxId: string) =>
    new SandboxResolver(new DnsZones(), { sandboxId, networks: [], upstreams: [upstream(dead.port)] }, shared);
  const refusedOf = async (sandbox: SandboxResolver, count: number) => {
    const rcodes = await Promise.all(
      Array.from({ length: count }, async (_, index) => (await forward(sandbox, encodeQuery(`n${index}.example.org`, A))).rcode),
    );
    return rcodes.filter((rcode) => rcode === 5).length;
  };
  assert.deepEqual(await Promise.all([refusedOf(sandboxOf("hog"), 12), refusedOf(sandboxOf("other"), 6)]), [2, 2]);
});

test("close() ends what is in flight at once", async () => {
  await using dead = await fakeServer(() => undefined);
  const resolver = makeResolver({ upstreams: [upstream(dead.port)] });
  const query = encodeQuery("www.example.org", A);
  resolver.answer(query, 0, query.length, Buffer.alloc(512), 0, 512, false);
  const asking = resolver.forward(query, false);
  resolver.close();
  assert.equal(await asking, undefined, "not the SERVFAIL of one that was waited for");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, askRaw, encodeQuery, makeResolver } from "./testing.ts";
import { RecordType } from "./wire.ts";
import { DnsZones } from "./zones.ts";

const { A, AAAA, PTR, SRV, MX, ANY } = RecordType;

function blueAndGreen() {
  const zones = new DnsZones();
  zones.addEndpoint("n1", "blue", {
    endpointId: "e1",
    names: ["web", "www", "0123456789ab"],
    ipv4: "172.18.0.2",
    ipv6: "fd00::2",
    containerId: "c1",
  });
  zones.addEndpoint("n1", "blue", { endpointId: "e2", names: ["db"], ipv4: "172.18.0.3", containerId: "c2" });
  zones.addEndpoint("n2", "green.lan", { endpointId: "e3", names: ["web", "only"], ipv4: "172.19.0.2", containerId: "c3" });
  const networks = [
    { id: "n1", name: "blue" },
    { id: "n2", name: "green.lan" },
  ];
  return { zones, networks, resolver: makeResolver({ networks }, zones) };
}

test("answer() resolves name, alias, short id and name.network, in any letter case", () => {
  const { resolver } = blueAndGreen();
  for (const name of ["web", "WEB", "www", "0123456789ab", "web.blue", "Web.BLUE.", "web."])
    assert.deepEqual(ask(resolver, name), ["172.18.0.2"], name);
  assert.deepEqual(ask(resolver, "only"), ["172.19.0.2"]);
  assert.deepEqual(ask(resolver, "web.green.lan"), ["172.19.0.2"], "a network's name may have dots");
});

test("answer() takes the first network that knows the name, and does not merge", () => {
  const { zones, networks, resolver } = blueAndGreen();
  assert.deepEqual(ask(resolver, "web"), ["172.18.0.2"]);
  resolver.update({ sandboxId: "s1", networks: networks.toReversed() });
  assert.deepEqual(ask(resolver, "web"), ["172.19.0.2"]);
  assert.deepEqual(ask(resolver, "web", AAAA), [], "green's web has no IPv6; blue's is another container");
  zones.removeEndpoint("n2", "e3");
  assert.deepEqual(ask(resolver, "web", AAAA), ["fd00::2"]);
});

test("answer() sees names of shared networks only", () => {
  const { zones } = blueAndGreen();
  const other = makeResolver({ networks: [{ id: "n2", name: "green.lan" }] }, zones);
  assert.equal(ask(other, "db"), "rcode 3");
  assert.equal(ask(other, "web.blue"), "forward");
});

test("answer() is NOERROR without records for a known name of another type", () => {
  const { resolver } = blueAndGreen();
  for (const type of [AAAA, MX, 16, 65, SRV, PTR]) assert.deepEqual(ask(resolver, "db", type), [], `type ${type}`);
  assert.deepEqual(ask(resolver, "web", ANY), ["172.18.0.2", "fd00::2"]);
});

test("answer() copies the question's letter case, RD and CD, sets RA and not AA, TTL at most 5", () => {
  const { resolver } = blueAndGreen();
  const answer = askRaw(resolver, encodeQuery("wEb.bLUE", A, { id: 0xbeef, flags: 0x0110 }));
  assert.ok(typeof answer === "object");
  assert.equal(answer.id, 0xbeef);
  assert.deepEqual(answer.flags, { qr: true, aa: false, tc: false, rd: true, ra: true, ad: false, cd: true });
  assert.equal(answer.question?.raw, "\x03wEb\x04bLUE");
  assert.equal(answer.answers[0]!.name, "web.blue");
  assert.ok(answer.answers[0]!.ttl <= 5);
  assert.equal(answer.edns, undefined);
});

test("answer() carries OPT when the query did", () => {
  const { resolver } = blueAndGreen();
  const answer = askRaw(resolver, encodeQuery("web", A, { edns: 4096 }));
  assert.ok(typeof answer === "object");
  assert.deepEqual(answer.edns, { size: 1232, dnssecOk: false });
});

test("answer() names BADVERS, NOTIMP and FORMERR, and drops what is no query", () => {
  const { resolver } = blueAndGreen();
  const bad = encodeQuery("web", A, { edns: 1232 });
  bad[bad.length - 5] = 1;
  const badVersion = askRaw(resolver, bad);
  assert.ok(typeof badVersion === "object" && badVersion.rcode === 16);
  const notify = askRaw(resolver, encodeQuery("web", A, { flags: 0x2100 }));
  assert.ok(typeof notify === "object" && notify.rcode === 4);
  const garbage = askRaw(resolver, Buffer.concat([encodeQuery("web", A), Buffer.from("x")]));
  assert.ok(typeof garbage === "object" && garbage.rcode === 1);
  assert.equal(askRaw(resolver, encodeQuery("web", A, { flags: 0x8100 })), "dropped");
  assert.equal(askRaw(resolver, Buffer.alloc(5)), "dropped");
});

test("answer() never lets single-label or .internal names go upstream", () => {
  const { resolver } = blueAndGreen();
  for (const name of ["nosuch", "host.docker.internal", "internal", "a.b.INTERNAL"])
    for (const type of [A, AAAA, MX, 16, 65, 43]) assert.equal(ask(resolver, name, type), "rcode 3", name);
  assert.equal(ask(resolver, "nosuch", A, { class: 3 }), "rcode 3", "of another class too");
  for (const name of ["example.org", "internal.example.org", "xinternal.org", ".", "version.bind"])
    assert.equal(ask(resolver, name, A, { class: name === "version.bind" ? 3 : 1 }), "forward", name);
});

test("answer() forwards nothing when all networks are internal", () => {
  const { resolver, networks } = blueAndGreen();
  resolver.update({ sandboxId: "s1", networks, internalOnly: true });
  assert.equal(ask(resolver, "example.org"), "rcode 3");
  assert.equal(ask(resolver, "9.9.9.9.in-addr.arpa", PTR), "rcode 3");
  assert.deepEqual(ask(resolver, "db"), ["172.18.0.3"]);
});

test("answer() refuses zone transfers", () => {
  const { resolver } = blueAndGreen();
  for (const type of [251, 252]) assert.equal(ask(resolver, "example.org", type), "rcode 5");
});

test("answer() gives PTR as name.network, and forwards other addresses", () => {
  const { resolver } = blueAndGreen();
  assert.deepEqual(ask(resolver, "2.0.18.172.in-addr.arpa", PTR), ["web.blue"]);
  assert.deepEqual(ask(resolver, "2.0.19.172.IN-ADDR.ARPA", PTR), ["web.green.lan"]);
  const six = `${"2.0.0.0.".repeat(1)}${"0.".repeat(24)}0.0.d.f.ip6.arpa`;
  assert.deepEqual(ask(resolver, six, PTR), ["web.blue"]);
  for (const name of [
    "9.0.18.172.in-addr.arpa",
    "02.0.18.172.in-addr.arpa",
    "x.2.0.18.172.in-addr.arpa",
    "18.172.in-addr.arpa",
    "258.0.18.172.in-addr.arpa",
  ])
    assert.equal(ask(resolver, name, PTR), "forward", name);
});

test("answer() shuffles the addresses of a shared alias", () => {
  const zones = new DnsZones();
  for (let index = 1; index <= 4; index++)
    zones.addEndpoint("n1", "blue", { endpointId: `e${index}`, names: [`c${index}`, "pool"], ipv4: `10.0.0.${index}` });
  const resolver = makeResolver({ networks: [{ id: "n1", name: "blue" }] }, zones);
  const firsts = new Map<string, number>();
  for (let round = 0; round < 2000; round++) {
    const answers = ask(resolver, "pool") as string[];
    assert.deepEqual(answers.toSorted(), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    firsts.set(answers[0]!, (firsts.get(answers[0]!) ?? 0) + 1);
  }
  // Each is first 500 times in the mean; 400 is five standard deviations away.
  for (const [address, count] of firsts) assert.ok(count > 400, `${address} was first ${count} times`);
});

test("answer() sets TC at 512 octets, at the EDNS size, and never over TCP", () => {
  const zones = new DnsZones();
  for (let index = 0; index < 300; index++)
    zones.addEndpoint("n1", "blue", { endpointId: `e${index}`, names: ["pool"], ipv4: `10.0.${index >> 8}.${index & 255}` });
  const resolver = makeResolver({ networks: [{ id: "n1", name: "blue" }] }, zones);
  const shape = (query: Buffer, overTcp = false) => {
    const answer = askRaw(resolver, query, overTcp);
    assert.ok(typeof answer === "object");
    return [answer.answers.length, answer.flags.tc];
  };
  assert.deepEqual(shape(encodeQuery("pool", A)), [Math.floor((512 - 22) / 16), true]);
  assert.deepEqual(shape(encodeQuery("pool", A, { edns: 1232 })), [Math.floor((1232 - 33) / 16), true]);
  assert.deepEqual(shape(encodeQuery("pool", A, { edns: 65535 })), [Math.floor((4096 - 33) / 16), true], "no more than we send over UDP");
  assert.deepEqual(shape(encodeQuery("pool", A, { edns: 100 })), [Math.floor((512 - 33) / 16), true], "a size under 512 counts as 512");
  assert.deepEqual(shape(encodeQuery("pool", A), true), [300, false]);
});

test("answer() follows links: private aliases that shadow names of that network", () => {
  const { zones, networks } = blueAndGreen();
  const links = [
    { networkId: "n1", alias: "backend", target: "db" },
    { networkId: "n1", alias: "web", target: "nosuch" },
    { networkId: "n1", alias: "a", target: "b" },
    { networkId: "n1", alias: "b", target: "a" },
  ];
  const resolver = makeResolver({ networks, links }, zones);
  assert.deepEqual(ask(resolver, "backend"), ["172.18.0.3"]);
  assert.deepEqual(ask(resolver, "backend.blue"), ["172.18.0.3"]);
  assert.equal(ask(resolver, "backend.green.lan"), "forward");
  assert.deepEqual(ask(resolver, "web"), ["172.19.0.2"], "blue's own web is shadowed, green's is not");
  assert.equal(ask(resolver, "a"), "rcode 3", "a loop of links ends");
  zones.addEndpoint("n1", "blue", { endpointId: "e9", names: ["nosuch"], ipv4: "172.18.0.9" });
  assert.deepEqual(ask(resolver, "web"), ["172.18.0.9"], "a target may come later");
});

test("answer() follows add, remove, rename and move at once", () => {
  const { zones, resolver, networks } = blueAndGreen();
  zones.renameEndpoint("n1", "e2", ["postgres", "0000aaaa0000"]);
  assert.equal(ask(resolver, "db"), "rcode 3");
  assert.deepEqual(ask(resolver, "postgres"), ["172.18.0.3"]);
  assert.deepEqual(ask(resolver, "3.0.18.172.in-addr.arpa", PTR), ["postgres.blue"]);
  zones.addEndpoint("n1", "blue", { endpointId: "e2", names: ["postgres"], ipv4: "172.18.0.77" });
  assert.deepEqual(ask(resolver, "postgres"), ["172.18.0.77"]);
  assert.equal(ask(resolver, "3.0.18.172.in-addr.arpa", PTR), "forward");
  zones.renameNetwork("n1", "azure");
  assert.deepEqual(ask(resolver, "postgres.azure"), ["172.18.0.77"]);
  assert.equal(ask(resolver, "postgres.blue"), "forward");
  resolver.update({ sandboxId: "s1", networks: networks.slice(1) });
  assert.equal(ask(resolver, "postgres"), "rcode 3");
});

test("answer() gives SRV with target and address for a service, nothing for another", () => {
  const known = new Map([
    ["http/tcp", 80],
    ["imap/tcp", 143],
  ]);
  const zones = new DnsZones({ servicePorts: (service, proto) => known.get(`${service}/${proto}`) });
  const services = [
    { proto: "tcp" as const, from: 80, to: 80 },
    { proto: "udp" as const, from: 53, to: 60 },
  ];
  zones.addEndpoint("n1", "blue", { endpointId: "e1", names: ["web"], ipv4: "10.0.0.1", services });
  const resolver = makeResolver({ networks: [{ id: "n1", name: "blue" }] }, zones);
  const answer = askRaw(resolver, encodeQuery("_HTTP._tcp.web", SRV));
  assert.ok(typeof answer === "object");
  assert.deepEqual(
    answer.answers.map((record) => record.data),
    ["0 0 80 web.blue"],
  );
  assert.deepEqual(
    answer.additional.map(({ name, data }) => [name, data]),
    [["web.blue", "10.0.0.1"]],
  );
  assert.deepEqual(ask(resolver, "_54._udp.web.blue", SRV), ["0 0 54 web.blue"]);
  for (const other of ["_imap._tcp.web", "_http._udp.web", "_53._tcp.web", "_99999._tcp.web"])
    assert.deepEqual(ask(resolver, other, SRV), [], other);
  assert.equal(ask(resolver, "_http._tcp.example.org", SRV), "forward");
});

test("answer() knows localhost (RFC 6761)", () => {
  const { resolver } = blueAndGreen();
  assert.deepEqual(ask(resolver, "localhost"), ["127.0.0.1"]);
  assert.deepEqual(ask(resolver, "a.localhost", AAAA), ["::1"]);
});

test("answer() works with names of 63 octets and unicode; longer ones are reported and left out", () => {
  const zones = new DnsZones();
  const rejected = zones.addEndpoint("n1", "blue", {
    endpointId: "e1",
    names: ["a".repeat(64), "a".repeat(63), "größe", "x..y"],
    ipv4: "10.0.0.1",
  });
  assert.deepEqual(rejected, ["a".repeat(64), "x..y"]);
  const resolver = makeResolver({ networks: [{ id: "n1", name: "blue" }] }, zones);
  assert.deepEqual(ask(resolver, "a".repeat(63)), ["10.0.0.1"]);
  assert.deepEqual(ask(resolver, "größe"), ["10.0.0.1"]);
  assert.deepEqual(ask(resolver, "1.0.0.10.in-addr.arpa", PTR), [`${"a".repeat(63)}.blue`]);
});

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { decodeFrame, encodeFrame } from "./frame.ts";
import { clientIdOf, expiryOf, hostnameOf, leaseOf } from "./lease.ts";
import { addressesOf, decodeDhcp, encodeDhcp, numberOf, OPTION, textOf } from "./message.ts";
import { replyBytes } from "./testing.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const MAC = "02:42:c0:a8:38:1f";

test("`encodeDhcp()` gives RFC 2131's fields and RFC 2132's options when it discovers", () => {
  const clientId = clientIdOf("key");
  const bytes = encodeDhcp({
    type: "discover",
    xid: 0x01020304,
    seconds: 3,
    broadcast: true,
    mac: MAC,
    clientId,
    hostname: "web",
    requestedAddress: "10.0.0.5",
  });
  assert.equal(bytes.length, 300);
  assert.equal(hex(bytes.subarray(0, 12)), "010106000102030400038000");
  assert.equal(hex(bytes.subarray(28, 34)), "0242c0a8381f");
  const options = `63825363${"350101"}3d17${hex(clientId)}32040a000005${"0c03776562"}${"390205dc"}${"3709010306" + "0f1a33363a3b"}ff`;
  assert.equal(hex(bytes.subarray(236, 236 + options.length / 2)), options);
});

test("`decodeDhcp()` reads overloaded, split and padded options", () => {
  const message = decodeDhcp(
    replyBytes([0, 0, 52, 1, 3, 6, 4, 1, 1, 1, 1, 255, 53, 1, 6], { file: [53, 1, 2, 6, 2, 2, 2, 255], sname: [6, 2, 2, 2, 255] }),
  );
  assert.equal(message?.type, "offer");
  assert.equal(message.yourAddress, "192.168.56.100");
  assert.deepEqual(addressesOf(message, OPTION.dns), ["1.1.1.1", "2.2.2.2"]);
});

test("`decodeDhcp()` drops what is no reply of a server, and never throws", () => {
  const good = replyBytes([53, 1, 5, 255]);
  assert.equal(decodeDhcp(good)?.type, "ack");
  for (const [at, value] of [
    [0, 1],
    [1, 6],
    [2, 8],
    [236, 0],
    [242, 9],
    [242, 0],
  ] as const) {
    const wrong = good.slice();
    wrong[at] = value;
    assert.equal(decodeDhcp(wrong), undefined, `byte ${at}`);
  }
  for (let length = 0; length < 243; length++) assert.equal(decodeDhcp(good.subarray(0, length)), undefined);
  for (let round = 0; round < 2000; round++) {
    const noise = randomBytes(Math.trunc(Math.random() * 100));
    const message = decodeDhcp(replyBytes([53, 1, 5, 52, 1, 3, ...noise], { file: [...randomBytes(128)], sname: [...randomBytes(64)] }));
    if (message) leaseOf(message, MAC, 0);
  }
});

test("`leaseOf()` takes RFC 2131's times when the server left them out, and no lease without a server or a time", () => {
  const [server, time, mask] = [
    [54, 4, 192, 168, 56, 1],
    [51, 4, 0, 0, 0, 160],
    [1, 4, 255, 255, 240, 0],
  ];
  const of = (...options: number[][]) => leaseOf(decodeDhcp(replyBytes([53, 1, 5, ...options.flat(), 255]))!, MAC, 1000);
  const lease = of(server, time, mask, [3, 4, 192, 168, 56, 1], [26, 2, 5, 120], [15, 4, 108, 97, 110, 0]);
  assert.deepEqual(lease, {
    ...{ address: "192.168.56.100", cidr: "192.168.56.100/20", router: "192.168.56.1", dns: [], domain: "lan", mtu: 1400 },
    ...{ server: "192.168.56.1", serverMac: MAC, obtained: 1000, lease: 160, renew: 80, rebind: 140 },
  });
  assert.equal(expiryOf(lease!), 161_000);
  const limited = of(server, time, [58, 4, 0, 0, 255, 255], [59, 4, 0, 1, 0, 0]);
  assert.deepEqual([limited?.renew, limited?.rebind], [160, 160], "no later than the end");
  const none = of(server, time, [58, 4, 0, 0, 0, 0], [59, 4, 0, 0, 0, 0]);
  assert.deepEqual([none?.renew, none?.rebind], [80, 140], "0 is no time");
  assert.equal(of(server), undefined);
  assert.equal(of(time), undefined);
  assert.equal(expiryOf({ ...lease!, lease: 0xffffffff }), Number.POSITIVE_INFINITY);
  const answer = decodeDhcp(replyBytes([53, 1, 6, 56, 2, 110, 111, 255]))!;
  assert.deepEqual(
    [textOf(answer, OPTION.message), numberOf(answer, OPTION.leaseTime), numberOf(answer, OPTION.message)],
    ["no", undefined, 0x6e6f],
  );
});

test("`decodeFrame()` reads datagrams to port 68 alone, also with IP options and padding", () => {
  const datagram = {
    sourceMac: MAC,
    destinationMac: "ff:ff:ff:ff:ff:ff",
    source: "10.0.0.1",
    destination: "255.255.255.255",
    payload: Uint8Array.of(1, 2, 3),
  };
  const frame = encodeFrame(datagram);
  assert.equal(decodeFrame(frame), undefined, "ours goes to 67");
  const answer = frame.slice();
  answer[37] = 68;
  assert.deepEqual(decodeFrame(Buffer.concat([answer, Buffer.alloc(15)])), datagram);
  for (let length = 0; length < answer.length; length++) assert.equal(decodeFrame(answer.subarray(0, length)), undefined);
  const fragment = answer.slice();
  fragment[20] = 0x20;
  assert.equal(decodeFrame(fragment), undefined);
  // ip header checksum of these fields by RFC 1071's example method: the sum with the checksum in it is all ones
  const words = Array.from({ length: 10 }, (_, index) => frame[14 + 2 * index]! * 256 + frame[15 + 2 * index]!);
  assert.equal(words.reduce((sum, word) => sum + word, 0) % 0xffff, 0);
});

test("`hostnameOf()` makes a host name of any container's name, and `clientIdOf()` an id that stays", () => {
  assert.equal(hostnameOf("my_web.1"), "my-web-1");
  assert.equal(hostnameOf("-a-"), "a");
  assert.equal(hostnameOf("__"), undefined);
  assert.equal(hostnameOf("x".repeat(80))?.length, 63);
  assert.equal(clientIdOf("a").length, 23);
  assert.deepEqual(clientIdOf("a"), clientIdOf("a"));
  assert.notDeepEqual(clientIdOf("a"), clientIdOf("b"));
});

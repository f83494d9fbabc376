import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { arpAnnouncement, arpConflict, arpProbe, decodeArp, encodeArp } from "./arp.ts";
import {
  dadProbe,
  decodeNeighbour,
  encodeIcmp6,
  encodeNeighbour,
  multicastMac,
  ndpConflict,
  solicitedNode,
  unsolicitedAdvertisement,
} from "./ndp.ts";
import { decodeRouterAdvice } from "./router-discovery.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const OWN = new Set(["02:42:c0:a8:38:1f"]);

test("`arpProbe()` and `arpAnnouncement()` give the bytes of RFC 5227's table", () => {
  // Written by hand from RFC 826's layout: hardware, protocol, sizes, operation, sender, target.
  assert.equal(hex(arpProbe("02:42:c0:a8:38:1f", "192.168.56.31")), "00010800060400010242c0a8381f00000000000000000000c0a8381f");
  assert.equal(hex(arpAnnouncement("02:42:c0:a8:38:1f", "192.168.56.31")), "00010800060400010242c0a8381fc0a8381f000000000000c0a8381f");
});

test("`decodeArp()` reads back what `encodeArp()` wrote, and nothing else", () => {
  const packet = {
    ...({ operation: "reply", senderMac: "02:00:00:00:00:01", senderAddress: "10.0.0.1" } as const),
    ...{ targetMac: "02:00:00:00:00:02", targetAddress: "10.0.0.2" },
  };
  const bytes = encodeArp(packet);
  assert.deepEqual(decodeArp(bytes), packet);
  assert.deepEqual(decodeArp(Buffer.concat([bytes, Buffer.alloc(18)])), packet, "padded to an Ethernet frame");
  for (const [at, value] of [
    [1, 6],
    [3, 1],
    [4, 8],
    [5, 16],
    [7, 3],
  ] as const) {
    const wrong = bytes.slice();
    wrong[at] = value;
    assert.equal(decodeArp(wrong), undefined, `byte ${at}`);
  }
  for (let length = 0; length < bytes.length; length++) assert.equal(decodeArp(bytes.subarray(0, length)), undefined);
});

test("`arpConflict()` names who claims or probes the address, and not its owners or those who ask for it", () => {
  const from = (senderAddress: string, senderMac = "02:00:00:00:00:01", operation: "request" | "reply" = "request") =>
    arpConflict({ operation, senderMac, senderAddress, targetMac: "00:00:00:00:00:00", targetAddress: "10.0.0.5" }, "10.0.0.5", OWN);
  assert.equal(from("10.0.0.5", undefined, "reply"), "02:00:00:00:00:01");
  assert.equal(from("10.0.0.5"), "02:00:00:00:00:01");
  assert.equal(from("0.0.0.0"), "02:00:00:00:00:01", "RFC 5227 2.1.1: a simultaneous probe");
  assert.equal(from("0.0.0.0", undefined, "reply"), undefined);
  assert.equal(from("10.0.0.9"), undefined);
  assert.equal(from("10.0.0.5", "02:42:c0:a8:38:1f"), undefined);
});

test("`dadProbe()` gives the packet RFC 4862 describes", () => {
  // Written by hand from RFC 4861 section 4.3; the nonce option is RFC 3971's 14, as RFC 7527 has it.
  const expected = "6000000000203aff00000000000000000000000000000000ff0200000000000000000001ff000005";
  const bytes = dadProbe("2001:db8::5", "010203040506".match(/../g)!.join(":"));
  assert.equal(hex(bytes.subarray(0, 40)), expected);
  assert.equal(hex(bytes.subarray(44)), "00000000" + "20010db8000000000000000000000005" + "0e01010203040506");
  assert.equal(solicitedNode("2001:db8::12:3456"), "ff02::1:ff12:3456");
  assert.equal(multicastMac("ff02::1:ff12:3456"), "33:33:ff:12:34:56");
});

test("`decodeNeighbour()` reads back what `encodeNeighbour()` wrote, and drops what RFC 4861 says to drop", () => {
  const messages = [
    { kind: "solicitation", source: "fe80::1", destination: "ff02::1:ff00:5", target: "2001:db8::5", mac: "02:00:00:00:00:01" },
    { kind: "solicitation", source: "::", destination: "ff02::1:ff00:5", target: "2001:db8::5", nonce: "01:02:03:04:05:06" },
    { kind: "advertisement", source: "2001:db8::5", destination: "ff02::1", target: "2001:db8::5", mac: "02:00:00:00:00:01" },
    { kind: "advertisement", source: "2001:db8::5", destination: "fe80::1", target: "2001:db8::5" },
  ] as const;
  for (const message of messages) {
    const bytes = encodeNeighbour(message);
    assert.deepEqual(decodeNeighbour(bytes), message);
    assert.deepEqual(decodeNeighbour(Buffer.concat([bytes, Buffer.alloc(7)])), message, "padded");
    for (let at = 0; at < bytes.length; at++) {
      // Version and flow label's lower bits are not covered by the checksum.
      if (at >= 1 && at <= 3) continue;
      const wrong = bytes.slice();
      wrong[at]! ^= 0x10;
      if (at === 0) wrong[0] = 0x40;
      assert.equal(decodeNeighbour(wrong), undefined, `byte ${at}`);
    }
    for (let length = 0; length < bytes.length; length++) assert.equal(decodeNeighbour(bytes.subarray(0, length)), undefined);
  }
});

test("`decodeNeighbour()` and `decodeArp()` end without a throw whatever the bytes are", () => {
  for (let round = 0; round < 2000; round++) {
    const bytes = randomBytes(Math.trunc(Math.random() * 120));
    if (bytes.length > 41) bytes.set([0x60, 0, 0, 0, 0, bytes.length - 40, 58, 255]);
    if (bytes.length > 41) bytes[40] = 135 + (round & 1);
    decodeNeighbour(bytes);
    decodeArp(bytes);
  }
});

test("`ndpConflict()` names who has or tries the address, and not the owner or one's own echo", () => {
  const decode = (bytes: Uint8Array) => decodeNeighbour(bytes)!;
  const [mac, address] = ["02:00:00:00:00:01", "2001:db8::5"];
  assert.equal(ndpConflict(decode(unsolicitedAdvertisement(mac, address)), mac, address, OWN), mac);
  assert.equal(ndpConflict(decode(unsolicitedAdvertisement(mac, address)), mac, "2001:db8::6", OWN), undefined);
  assert.equal(ndpConflict(decode(unsolicitedAdvertisement(mac, address)), mac, address, new Set([mac])), undefined);
  assert.equal(ndpConflict(decode(dadProbe(address, mac)), mac, address, OWN), mac);
  assert.equal(ndpConflict(decode(dadProbe(address, mac)), mac, address, OWN, mac), undefined, "RFC 7527: looped back");
  const asking = { kind: "solicitation", source: "fe80::1", destination: "ff02::1:ff00:5", target: address } as const;
  assert.equal(ndpConflict(asking, mac, address, OWN), undefined);
});

test("`decodeRouterAdvice()` tells DHCPv6 from SLAAC by the flags, and drops what is cut short or comes from afar", () => {
  // Written by hand from RFC 4861 sections 4.2 and 4.6.2: hop limit, flags, lifetime; then a prefix of fd56::/64 with its flags.
  const advertisement = (flags: string, prefixFlags: string) =>
    encodeIcmp6(
      "fe80::1",
      "ff02::1",
      Buffer.from(
        `8600000040${flags}07080000000000000000` + `030440${prefixFlags}0000012c0000012c00000000fd560000000000000000000000000000`,
        "hex",
      ),
    );
  assert.deepEqual(decodeRouterAdvice(advertisement("80", "80")), { managed: true, autonomous: false });
  assert.deepEqual(decodeRouterAdvice(advertisement("00", "c0")), { managed: false, autonomous: true });
  assert.deepEqual(decodeRouterAdvice(advertisement("c0", "c0")), { managed: true, autonomous: true });
  const bytes = advertisement("80", "80");
  for (let length = 0; length < bytes.length; length++) assert.equal(decodeRouterAdvice(bytes.subarray(0, length)), undefined);
  const routed = bytes.slice();
  routed[7] = 64;
  assert.equal(decodeRouterAdvice(routed), undefined);
  assert.equal(decodeRouterAdvice(dadProbe("fd56::5", "02:00:00:00:00:01")), undefined);
});

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { clientIdOf } from "../dhcp4/lease.ts";
import { decodeFrame6, encodeFrame6, linkLocalOf } from "./frame.ts";
import { leaseIn } from "./lease.ts";
import { type Dhcp6Reply, decodeDhcp6, encodeDhcp6 } from "./message.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const DUID = clientIdOf("key").subarray(5);

/** An advertisement by RFC 8415's layout: client id, server id, IA_NA with an address, DNS. */
const advertise = (address = "20010db8000000000000000000000005", extra = "") =>
  bytesOf(`02 010203 0001 0012 ${hex(DUID)} 0002 0004 00020001 0003 ${extra ? "002e" : "0028"} 00000007 0000003c 00000069
    0005 0018 ${address} 00000078 00000078 ${extra} 0017 0010 20010db8000000000000000000000002`);

test("`encodeDhcp6()` writes RFC 8415's options in a solicit", () => {
  const bytes = encodeDhcp6({ type: "solicit", xid: 0x010203, duid: DUID, iaid: 7, elapsed: 5, hostname: "web" });
  const expected = `01010203 00010012${hex(DUID)} 000800020005 000600020017 0027000501${"03776562"} 0003000c000000070000000000000000`;
  assert.equal(hex(bytes), expected.replaceAll(" ", ""));
});

test("`decodeDhcp6()` reads address, times and servers, and any status but success", () => {
  const reply = decodeDhcp6(advertise(), 7);
  assert.deepEqual(reply, {
    ...{
      type: "advertise",
      xid: 0x010203,
      duid: new Uint8Array(DUID),
      serverId: bytesOf("00020001"),
      status: 0,
      t1: 60,
      t2: 105,
    },
    ...{ dns: ["2001:db8::2"], address: { address: "2001:db8::5", preferred: 120, valid: 120 } },
  });
  assert.equal(decodeDhcp6(advertise(undefined, "000d00020003"), 7)?.status, 3, "NoBinding in the IA");
  assert.equal(decodeDhcp6(advertise(), 8)?.address, undefined, "of another IA");
  assert.equal(decodeDhcp6(advertise().fill(1, 0, 1), 7), undefined, "a solicit");
  for (let length = 0; length < 4 + 22 + 8; length++) assert.equal(decodeDhcp6(advertise().subarray(0, length), 7), undefined);
});

test("`decodeDhcp6()` reads the address that takes another's place, whichever comes first", () => {
  const [gone, come] = [
    "0005 0018 20010db8000000000000000000000005 00000000 00000000",
    "0005 0018 20010db8000000000000000000000006 00000078 00000078",
  ];
  for (const addresses of [gone + come, come + gone]) {
    const reply = bytesOf(`07 010203 0001 0012 ${hex(DUID)} 0002 0004 00020001 0003 0044 00000007 00000000 00000000 ${addresses}`);
    assert.deepEqual(decodeDhcp6(reply, 7)?.address, { address: "2001:db8::6", preferred: 120, valid: 120 });
  }
});

test("`leaseIn()` tells what refuses an address from what says nothing of it, and fills in times that are 0", () => {
  const address = { address: "2001:db8::5", preferred: 100, valid: 120 };
  const reply: Dhcp6Reply = {
    ...{ type: "reply", xid: 1, duid: DUID, serverId: bytesOf("00020001"), status: 0, t1: 0, t2: 0, dns: [] },
    address,
  };
  const { address: _, ...silent } = reply;
  assert.deepEqual(leaseIn(reply, 1000), {
    ...{ address: "2001:db8::5", dns: [], server: "00020001", obtained: 1000, valid: 120, preferred: 100, renew: 50, rebind: 80 },
  });
  for (const status of [2, 3, 4]) assert.equal(leaseIn({ ...silent, status }, 1000), "nak", `status ${status}`);
  assert.equal(leaseIn({ ...reply, address: { ...address, valid: 0 } }, 1000), "nak");
  assert.equal(leaseIn(silent, 1000), undefined, "nothing of this address");
  assert.equal(leaseIn({ ...reply, status: 1 }, 1000), undefined, "UnspecFail");
  assert.equal(leaseIn({ ...reply, type: "advertise" }, 1000), undefined);
});

test("`decodeDhcp6()` and `decodeFrame6()` end without a throw whatever the bytes are", () => {
  for (let round = 0; round < 3000; round++) {
    const bytes = advertise();
    for (let changes = 0; changes < 4; changes++) bytes[Math.trunc(Math.random() * bytes.length)] = round & 255;
    decodeDhcp6(bytes.subarray(0, Math.trunc(Math.random() * bytes.length)), 7);
    decodeDhcp6(randomBytes(60), 7);
    decodeFrame6(randomBytes(Math.trunc(Math.random() * 100)));
  }
});

test("`encodeFrame6()` goes from the MAC's link-local address to all servers with a valid checksum", () => {
  assert.equal(linkLocalOf("02:42:00:00:00:31"), "fe80::42:ff:fe00:31");
  const frame = encodeFrame6("02:42:00:00:00:31", Uint8Array.of(1, 2, 3));
  assert.equal(hex(frame.subarray(0, 14)), "333300010002" + "024200000031" + "86dd");
  assert.equal(decodeFrame6(frame)?.payload, undefined, "ours goes to 547");
  let sum = 17 + 11;
  for (let at = 14 + 8; at < frame.length; at += 2) sum += (frame[at]! << 8) | (frame[at + 1] ?? 0);
  assert.equal(sum % 0xffff, 0);
  const answer = frame.slice();
  answer[14 + 40 + 3] = 546 & 255;
  assert.deepEqual(decodeFrame6(answer)?.payload, Uint8Array.of(1, 2, 3));
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isolate } from "#kernel/netns";
import { interfaceIndex, openPacket, packetAddress, type Socket } from "./mod.ts";

const options = { skip: isolate({ sysfs: true }) ? false : "needs root" };
/** IEEE 802's for local experiments, which nothing of the kernel's answers. */
const [OURS, OTHERS] = [0x88b5, 0x88b6];
const BROADCAST = Buffer.alloc(6, 0xff);

test("`isolate()` with `sysfs` shows the links of the new namespace, and no others", options, () => {
  assert.deepEqual(
    readdirSync("/sys/class/net").filter((name) => name !== "bonding_masters"),
    ["lo"],
  );
  execFileSync("ip", ["link", "add", "a0", "type", "veth", "peer", "name", "b0"]);
  execFileSync("ip", ["link", "add", "a1", "type", "veth", "peer", "name", "b1"]);
  for (const name of ["a0", "b0", "a1", "b1"]) execFileSync("ip", ["link", "set", name, "up"]);
  assert.ok(readdirSync("/sys/class/net").includes("b1"));
  assert.equal(interfaceIndex("nothing0"), 0);
});

test("`openPacket()` takes frames of one ethertype on one link, without and with their Ethernet header", options, async () => {
  const [a0, b0, a1] = ["a0", "b0", "a1"].map(interfaceIndex) as [number, number, number];
  using sender = openPacket(a0, OURS);
  using stranger = openPacket(a0, OTHERS);
  using elsewhere = openPacket(a1, OURS);
  using cooked = openPacket(b0, OURS);
  using raw = openPacket(b0, OURS, { raw: true });
  elsewhere.sendTo(Buffer.from("other link".padEnd(46)), packetAddress(a1, OURS, BROADCAST));
  stranger.sendTo(Buffer.from("other type".padEnd(46)), packetAddress(a0, OTHERS, BROADCAST));
  sender.sendTo(Buffer.from("ours".padEnd(46)), packetAddress(a0, OURS, BROADCAST));
  const buffer = Buffer.alloc(2048);
  const received = async (socket: Socket) => {
    for (;;) {
      const frame = socket.receiveFrom(buffer);
      if (frame) return frame;
      await sleep(5);
    }
  };
  const got = await received(cooked);
  assert.equal(buffer.toString("latin1", 0, got.length).trim(), "ours");
  const mac = execFileSync("cat", ["/sys/class/net/a0/address"], { encoding: "utf8" }).trim();
  assert.deepEqual(got.from, {
    family: "packet",
    index: b0,
    protocol: OURS,
    mac: new Uint8Array(Buffer.from(mac.replaceAll(":", ""), "hex")),
  });
  assert.equal(cooked.receiveFrom(buffer), undefined);

  const whole = await received(raw);
  assert.equal(buffer.toString("hex", 0, 14), `ffffffffffff${mac.replaceAll(":", "")}88b5`);
  assert.equal(buffer.toString("latin1", 14, whole.length).trim(), "ours");
  assert.equal(raw.receiveFrom(buffer), undefined);
  assert.throws(() => openPacket(9999, OURS), /ENODEV/);
});

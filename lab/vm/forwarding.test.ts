import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Forwarding, type PortPolicy } from "./forwarding.ts";

const A = "52:54:00:00:00:0a";
const B = "52:54:00:00:00:0b";
const C = "52:54:00:00:00:0c";
const BROADCAST = "ff:ff:ff:ff:ff:ff";

function frame(from: string, to: string, vlan?: number): Buffer {
  const tag = vlan === undefined ? "" : `8100${vlan.toString(16).padStart(4, "0")}`;
  return Buffer.from(`${(to + from).replaceAll(":", "")}${tag}0800cafe`, "hex");
}

function switchOf(...policies: PortPolicy[]): Forwarding {
  const forwarding = new Forwarding(() => 0.5);
  for (const [port, policy] of policies.entries()) forwarding.addPort(port, policy);
  return forwarding;
}

const ports = (forwarding: Forwarding, port: number, what: Buffer) => forwarding.forward(port, what).map((each) => each.port);

describe("Forwarding", () => {
  test("`forward()` floods until it has learned an address, and never back", () => {
    const it = switchOf({}, {}, {});
    assert.deepEqual(ports(it, 0, frame(A, B)), [1, 2]);
    assert.deepEqual(ports(it, 1, frame(B, A)), [0]);
    assert.deepEqual(ports(it, 0, frame(A, B)), [1]);
    assert.deepEqual(ports(it, 0, frame(A, BROADCAST)), [1, 2]);
    it.forget(1);
    assert.deepEqual(ports(it, 0, frame(A, B)), [1, 2]);
    assert.deepEqual(ports(it, 0, Buffer.alloc(13)), [], "a runt");
  });

  test("`forward()` tags between access ports and trunks when VLANs differ", () => {
    const it = switchOf({ accessVlan: 10 }, { accessVlan: 20 }, {}, { accessVlan: 10 });
    const [trunk, access] = it.forward(0, frame(A, BROADCAST));
    assert.deepEqual([trunk?.port, access?.port], [2, 3]);
    assert.deepEqual(trunk?.frame, frame(A, BROADCAST, 10));
    assert.deepEqual(access?.frame, frame(A, BROADCAST));
    assert.deepEqual(it.forward(2, frame(C, BROADCAST, 20)), [{ port: 1, frame: frame(C, BROADCAST) }]);
    assert.deepEqual(it.forward(0, frame(A, BROADCAST, 20)), [], "a tagged frame at an access port");
    assert.deepEqual(ports(it, 2, frame(C, BROADCAST)), [], "untagged frames stay on trunks");
  });

  test("`forward()` sends back by the same port when the relay is reflective", () => {
    const it = switchOf({ reflectiveRelay: true }, {});
    it.forward(0, frame(A, BROADCAST));
    assert.deepEqual(ports(it, 0, frame(B, A)), [0]);
    assert.deepEqual(ports(it, 0, frame(B, BROADCAST)), [0, 1]);
  });

  test("`forward()` drops further MACs when a port is locked or limited", () => {
    const locked = switchOf({ lockedMac: A }, {});
    assert.deepEqual(ports(locked, 0, frame(A, BROADCAST)), [1]);
    assert.deepEqual(ports(locked, 0, frame(B, BROADCAST)), []);
    const limited = switchOf({ maxMacs: 2 }, {});
    assert.deepEqual(
      [A, B, C, A].map((mac) => ports(limited, 0, frame(mac, BROADCAST)).length),
      [1, 1, 0, 1],
    );
    limited.forget(0);
    assert.deepEqual(ports(limited, 0, frame(C, BROADCAST)), [1], "there is room again");
  });

  test("`forward()` loses, cuts and parts when it is told to", () => {
    const it = switchOf({ loss: 0.6 }, { loss: 0.4 }, {});
    assert.deepEqual(ports(it, 0, frame(A, BROADCAST)), []);
    assert.deepEqual(ports(it, 1, frame(B, BROADCAST)), [0, 2]);
    it.setPartition(2, 1, true);
    assert.deepEqual(ports(it, 1, frame(B, BROADCAST)), [0]);
    assert.deepEqual(ports(it, 2, frame(C, BROADCAST)), [0]);
    it.setPartition(1, 2, false);
    it.policies.set(0, { cut: true });
    assert.deepEqual(ports(it, 1, frame(B, BROADCAST)), [2]);
    assert.deepEqual(ports(it, 0, frame(A, BROADCAST)), []);
  });
});

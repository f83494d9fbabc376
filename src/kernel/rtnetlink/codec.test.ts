import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { test } from "node:test";
import { bytesToIp, bytesToMac } from "#base";
import { type NetlinkRequest, PayloadWriter, ShortReadError } from "#kernel/netlink";
import {
  decodeAddress,
  decodeFdb,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  decodeRouteEvent,
  decodeRule,
  encodeNewAddress,
  encodeNewFdb,
  encodeNewLink,
  encodeNewNeighbour,
  encodeNewRoute,
  encodeNewRule,
  encodeSetLink,
  type LinkInfo,
} from "./mod.ts";

const ROUNDS = 400;
const pick = <T>(...from: readonly T[]): T => from[randomInt(from.length)]!;
const flip = (): boolean => randomInt(2) === 1;
const u32 = (): number => randomInt(2 ** 32);
const index = (): number => randomInt(1, 2 ** 31);
const mac = (): string => bytesToMac(randomBytes(6));
const ip = (family: 4 | 6): string => bytesToIp(randomBytes(family === 4 ? 4 : 16));
const prefix = (family: 4 | 6): string => `${ip(family)}/${randomInt(1, family === 4 ? 33 : 129)}`;
const name = (): string => Array.from({ length: randomInt(1, 16) }, () => pick(..."abcxyz0189.-_é")).join("");
/** Leaves each field in or out at random. */
function some<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(flip)) as Partial<T>;
}
/** The fields of `wanted` as they came back. */
const same = (found: object | undefined, wanted: object): void =>
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((key) => [key, (found as Record<string, unknown>)[key]])), wanted);
const times = (act: () => void): void => {
  for (let round = 0; round < ROUNDS; round++) act();
};

function linkInfo(): LinkInfo {
  const family = pick(4, 6) as 4 | 6;
  return pick<() => LinkInfo>(
    () => ({
      kind: "bridge",
      ...some({ multicastSnooping: flip(), vlanFiltering: flip(), stp: flip(), forwardDelay: u32(), ageingTime: u32() }),
    }),
    () => ({ kind: "veth" }),
    () => ({ kind: "dummy" }),
    () => ({ kind: "macvlan", mode: pick("private", "vepa", "bridge", "passthru", "source"), ...some({ noPromiscuous: flip() }) }),
    () => ({ kind: "ipvlan", mode: pick("l2", "l3", "l3s"), flag: pick("bridge", "private", "vepa") }),
    () => ({ kind: "vlan", id: randomInt(4096), ...some({ protocol: pick("802.1Q", "802.1ad") as "802.1Q" }) }),
    () => ({
      kind: "vxlan",
      id: randomInt(2 ** 24),
      ...some({ local: ip(family), remote: ip(family), link: u32(), port: randomInt(65536), ttl: randomInt(256), ageingTime: u32() }),
      ...some({ learning: flip(), proxy: flip(), l2miss: flip(), l3miss: flip() }),
    }),
  )();
}

test("`decodeLink()` reads what `encodeNewLink()` wrote", () =>
  times(() => {
    const fields = some({
      index: index(),
      mac: mac(),
      mtu: u32(),
      master: index(),
      alias: name(),
      parent: index(),
      up: flip(),
      promiscuous: flip(),
    });
    const wanted = { name: name(), info: linkInfo(), ...fields };
    same(decodeLink(encodeNewLink(wanted).payload), { ...wanted, kind: wanted.info.kind });
  }));

test("`decodeLink()` reads a bridge port's attributes that `encodeSetLink()` wrote", () =>
  times(() => {
    const bridgePort = some({ hairpin: flip(), isolated: flip(), learning: flip(), flood: flip(), neighbourSuppress: flip() });
    assert.deepEqual(decodeLink(encodeSetLink({ name: "p", bridgePort }).payload).bridgePort, bridgePort);
  }));

test("`decodeAddress()` reads what `encodeNewAddress()` wrote", () =>
  times(() => {
    const wanted = { index: index(), address: prefix(pick(4, 6) as 4 | 6), scope: randomInt(256), ...some({ broadcast: ip(4) }) };
    const [noDad, noPrefixRoute] = [flip(), flip()];
    const flags = (noDad ? 2 : 0) | (noPrefixRoute ? 0x200 : 0);
    same(decodeAddress(encodeNewAddress({ ...wanted, noDad, noPrefixRoute }).payload), { ...wanted, flags });
  }));

test("`decodeRoute()` reads what `encodeNewRoute()` wrote", () =>
  times(() => {
    const family = pick(4, 6) as 4 | 6;
    const wanted = {
      destination: flip() ? prefix(family) : family === 4 ? "0.0.0.0/0" : "::/0",
      type: pick("unicast", "local", "blackhole", "unreachable", "throw") as "unicast",
      table: flip() ? randomInt(1, 256) : u32() | 256,
      ...some({
        index: index(),
        gateway: ip(family),
        source: ip(family),
        metric: u32(),
        onlink: flip(),
        mtu: u32(),
        protocol: randomInt(256),
      }),
    };
    wanted.table >>>= 0;
    same(decodeRoute(encodeNewRoute(wanted).payload), { ...wanted, family });
  }));

test("`decodeRoute()` reads an IPv6 gateway of an IPv4 route", () => {
  const route = decodeRoute(encodeNewRoute({ destination: "10.0.0.0/8", gateway: "fe80::1", index: 2 }).payload);
  same(route, { destination: "10.0.0.0/8", gateway: "fe80::1", index: 2 });
});

test("`decodeNeighbour()` reads what `encodeNewNeighbour()` wrote", () =>
  times(() => {
    const wanted = { index: index(), address: ip(pick(4, 6) as 4 | 6), state: pick("permanent", "reachable", "stale", "noarp") as "noarp" };
    const fields = { ...wanted, ...some({ mac: mac() }) };
    same(decodeNeighbour(encodeNewNeighbour(fields).payload), fields);
  }));

test("`decodeFdb()` reads what `encodeNewFdb()` wrote", () =>
  times(() => {
    const wanted = {
      index: index(),
      mac: mac(),
      state: pick("permanent", "static", "learned") as "static",
      ...some({
        destination: ip(pick(4, 6) as 4 | 6),
        vlan: randomInt(4096),
        vni: randomInt(2 ** 24),
        port: randomInt(65536),
        external: flip(),
      }),
    };
    const master = flip();
    same(decodeFdb(encodeNewFdb({ ...wanted, master }).payload), { ...wanted, self: !master });
  }));

test("`decodeRule()` reads what `encodeNewRule()` wrote", () =>
  times(() => {
    const family = pick(4, 6) as 4 | 6;
    const wanted = {
      family,
      priority: u32(),
      table: (flip() ? randomInt(1, 256) : u32() | 256) >>> 0,
      ...some({ from: prefix(family), to: prefix(family), inputLink: name(), outputLink: name(), mark: u32(), markMask: u32() }),
      ...some({ suppressPrefixLength: randomInt(33), inverted: flip(), protocol: randomInt(256) }),
    };
    same(decodeRule(encodeNewRule(wanted).payload), wanted);
  }));

test("`decodeLink()` keeps attributes it does not know when asked to", () => {
  const payload = new PayloadWriter()
    .raw(encodeNewLink({ name: "x", info: { kind: "veth" } }).payload)
    .attrU32(999, 5)
    .finish();
  assert.equal(decodeLink(payload).unknown, undefined);
  assert.deepEqual(decodeLink(payload, { unknown: true }).unknown, [{ type: 999, bytes: Uint8Array.of(5, 0, 0, 0) }]);
});

test("`decodeLink()` gives a kind it does not know by name alone", () => {
  const payload = new PayloadWriter()
    .raw(new Uint8Array(16))
    .nest(18, (writer) => writer.attrString(1, "bond").nest(2, (data) => data.attrU8(1, 1)));
  const link = decodeLink(payload.finish());
  assert.deepEqual([link.kind, link.info], ["bond", undefined]);
});

const SAMPLES: readonly NetlinkRequest[] = [
  encodeNewLink({ name: "vx0", mac: mac(), mtu: 1400, info: { kind: "vxlan", id: 9, local: "10.0.0.1", port: 4789 } }),
  encodeNewAddress({ index: 1, address: "10.0.0.1/8", broadcast: "10.255.255.255" }),
  encodeNewRoute({ destination: "fd00::/64", gateway: "fe80::1", index: 1, metric: 5, mtu: 1400 }),
  encodeNewNeighbour({ index: 1, address: "10.0.0.2", mac: mac() }),
  encodeNewFdb({ index: 1, mac: mac(), destination: "10.0.0.2" }),
  encodeNewRule({ family: 4, priority: 5, from: "10.0.0.0/8", table: 1000 }),
];

test("`decodeRouteEvent()` throws a ShortReadError, or nothing, on cut and mutated messages", () => {
  for (const { type, payload } of SAMPLES) {
    for (let round = 0; round < 2000; round++) {
      const bytes = payload.slice(0, flip() ? payload.length : randomInt(payload.length));
      for (let mutations = randomInt(4); mutations > 0 && bytes.length > 0; mutations--) bytes[randomInt(bytes.length)] = randomInt(256);
      try {
        decodeRouteEvent({ type, flags: 0, sequence: 0, payload: bytes });
      } catch (error) {
        assert.ok(error instanceof ShortReadError, `${type} ${Buffer.from(bytes).toString("hex")}: ${(error as Error).stack}`);
      }
    }
  }
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { Errno, Poller } from "#kernel/ffi";
import type { NetlinkRequest } from "#kernel/netlink";
import { createNamespace, isolate, listNamespaces, NamespaceHandle, removeNamespaceDirectory } from "#kernel/netns";
import {
  broadcastOf,
  encodeAppendFdb,
  encodeDeleteAddress,
  encodeDeleteFdb,
  encodeDeleteLink,
  encodeDeleteLinkGroup,
  encodeDeleteNeighbour,
  encodeDeleteRoute,
  encodeDeleteRule,
  encodeNewAddress,
  encodeNewFdb,
  encodeNewLink,
  encodeNewNamespaceId,
  encodeNewNeighbour,
  encodeNewRoute,
  encodeNewRule,
  encodeReplaceRoute,
  encodeSetLink,
  type RouteEvent,
  RouteMonitor,
  RouteSocket,
} from "./mod.ts";

const options = { skip: isolate() ? false : "needs root" };
const root = mkdtempSync(join(tmpdir(), "fairway-route-"));
const directory = join(root, "netns");
process.once("exit", () => rmSync(root, { recursive: true, force: true }));

/** Every request must succeed. */
function apply(socket: RouteSocket, ...requests: NetlinkRequest[]): void {
  assert.deepEqual(
    socket.batch(requests).map((error) => error?.message),
    requests.map(() => undefined),
  );
}

/** After each test this "machine" has its loopback and nothing else. */
afterEach(() => {
  if (options.skip) return;
  using socket = RouteSocket.open();
  assert.deepEqual(
    socket.links().map((link) => link.name),
    ["lo"],
  );
  assert.deepEqual(socket.routes(), []);
  assert.deepEqual(
    socket.rules(4).map((rule) => rule.priority),
    [0, 32766, 32767],
  );
  assert.deepEqual(listNamespaces(directory), []);
});

test("a bridge is made, changed and deleted with what was asked", options, () => {
  using socket = RouteSocket.open();
  apply(
    socket,
    encodeNewLink({ name: "br-blue", mac: "02:42:ac:12:00:01", up: true, info: { kind: "bridge", multicastSnooping: false } }),
    encodeSetLink({ name: "br-blue", alias: "fairway:bridge:blue", mtu: 1400 }),
  );
  const link = socket.link("br-blue")!;
  assert.deepEqual(
    [link.kind, link.mac, link.mtu, link.up, link.alias],
    ["bridge", "02:42:ac:12:00:01", 1400, true, "fairway:bridge:blue"],
  );
  assert.equal(link.info?.kind === "bridge" && link.info.multicastSnooping, false);
  assert.equal(socket.indexOf("br-blue"), link.index);
  assert.deepEqual(
    socket.links({ kind: "bridge" }).map((each) => each.name),
    ["br-blue"],
  );
  apply(socket, encodeDeleteLink({ name: "br-blue" }));
  assert.equal(socket.link("br-blue"), undefined);
});

test("a veth goes into a namespace in one message, and from there to its addresses and routes in two", options, () => {
  const path = join(directory, "web");
  createNamespace(path);
  using host = RouteSocket.open();
  {
    using namespace = NamespaceHandle.at(path);
    using inside = RouteSocket.open(namespace);
    apply(host, encodeNewLink({ name: "br-blue", up: true, info: { kind: "bridge" } }));
    const bridge = host.indexOf("br-blue")!;
    const peer = { name: "eth0", mac: "02:42:ac:12:00:02", mtu: 1400, namespace, index: 9 };
    apply(
      host,
      encodeNewLink({ name: "veth1234567", index: 1000, mtu: 1400, master: bridge, up: true, info: { kind: "veth" }, peer }),
      encodeSetLink({ name: "veth1234567", alias: "fairway:endpoint:web", bridgePort: { hairpin: true, isolated: true } }),
    );
    const port = host.link("veth1234567")!;
    assert.deepEqual([port.index, port.master, port.mtu, port.parent, port.alias], [1000, bridge, 1400, 9, "fairway:endpoint:web"]);
    assert.deepEqual([port.portKind, port.bridgePort?.hairpin, port.bridgePort?.isolated], ["bridge", true, true]);
    assert.equal(port.parentNamespaceId, host.namespaceId(namespace));
    apply(
      inside,
      encodeSetLink({ name: "lo", up: true }),
      encodeSetLink({ index: 9, up: true }),
      encodeNewAddress({ index: 9, address: "172.18.0.2/16", broadcast: broadcastOf("172.18.0.2/16") }),
      encodeNewAddress({ index: 9, address: "fd00::2/64", noDad: true }),
      encodeNewRoute({ destination: "0.0.0.0/0", gateway: "172.18.0.1", index: 9 }),
      encodeNewRoute({ destination: "::/0", gateway: "fd00::1", index: 9 }),
    );
    const addresses = inside.addresses({ index: 9 }).filter((address) => address.scope === 0);
    assert.deepEqual(
      addresses.map(({ address, broadcast, flags }) => [address, broadcast, flags]),
      [
        ["172.18.0.2/16", "172.18.255.255", 0x80],
        ["fd00::2/64", undefined, 0x82],
      ],
    );
    const route = inside.routeTo("192.0.2.1");
    assert.deepEqual([route.gateway, route.index, route.source], ["172.18.0.1", 9, "172.18.0.2"]);
    assert.equal(inside.routeTo("2001:db8::1").gateway, "fd00::1");
    apply(host, encodeDeleteLink({ name: "veth1234567" }), encodeDeleteLink({ name: "br-blue" }));
    assert.deepEqual(inside.indexOf("eth0"), undefined);
  }
  removeNamespaceDirectory(directory);
});

test("a macvlan is made in a namespace on a parent outside it", options, () => {
  const path = join(directory, "mac");
  createNamespace(path);
  {
    using namespace = NamespaceHandle.at(path);
    using host = RouteSocket.open();
    using inside = RouteSocket.open(namespace);
    apply(host, encodeNewLink({ name: "parent", up: true, info: { kind: "veth" }, peer: { name: "wire" } }));
    const parent = host.indexOf("parent")!;
    apply(host, encodeNewLink({ name: "eth0", parent, namespace, mac: "02:42:c0:a8:38:1f", info: { kind: "macvlan", mode: "bridge" } }));
    const link = inside.link("eth0")!;
    assert.deepEqual([link.parent, link.mac, link.info?.kind === "macvlan" && link.info.mode], [parent, "02:42:c0:a8:38:1f", "bridge"]);
    apply(host, encodeSetLink({ name: "parent", promiscuous: true }));
    assert.equal(host.link("parent")?.promiscuous, true);
    apply(host, encodeSetLink({ name: "parent", promiscuous: false }));
    assert.equal(host.link("parent")?.promiscuous, false);
    apply(host, encodeDeleteLink({ name: "parent" }));
    assert.equal(inside.link("eth0"), undefined, "it goes with its parent");
  }
  removeNamespaceDirectory(directory);
});

test("a vxlan link keeps its forwarding entries", options, () => {
  using socket = RouteSocket.open();
  const info = {
    kind: "vxlan",
    id: 4097,
    local: "10.0.0.1",
    port: 4789,
    learning: false,
    proxy: true,
    l2miss: true,
    l3miss: true,
  } as const;
  apply(socket, encodeNewLink({ name: "vx-1", info }));
  const link = socket.link("vx-1")!;
  assert.deepEqual(link.info, { ...link.info, ...info });
  const entry = { index: link.index, mac: "00:00:00:00:00:00", destination: "10.0.0.2" };
  apply(socket, encodeAppendFdb(entry), encodeAppendFdb({ ...entry, destination: "10.0.0.3" }));
  const destinations = () => socket.fdb({ index: link.index }).map((each) => each.destination);
  assert.deepEqual(destinations().sort(), ["10.0.0.2", "10.0.0.3"]);
  assert.equal(socket.batch([encodeNewFdb(entry)])[0]?.errno, Errno.EEXIST);
  apply(socket, encodeDeleteFdb(entry));
  assert.deepEqual(destinations(), ["10.0.0.3"]);
  apply(socket, encodeDeleteLink({ index: link.index }));
});

test("routes, rules and neighbours are made, replaced and deleted", options, () => {
  using socket = RouteSocket.open();
  apply(socket, encodeNewLink({ name: "a", info: { kind: "veth" }, peer: { name: "b" } }));
  const index = socket.indexOf("a")!;
  apply(
    socket,
    encodeSetLink({ name: "a", up: true }),
    encodeSetLink({ name: "b", up: true }),
    encodeNewAddress({ index, address: "10.0.0.1/24" }),
    encodeNewRoute({ destination: "10.9.0.0/16", index, table: 1000, metric: 5, source: "10.0.0.1" }),
    encodeReplaceRoute({ destination: "10.8.0.0/16", index, gateway: "192.0.2.1", onlink: true, mtu: 1300 }),
    encodeReplaceRoute({ destination: "10.8.0.0/16", index, gateway: "10.0.0.7" }),
    encodeNewRoute({ destination: "10.7.0.0/16", type: "blackhole" }),
    encodeNewRule({ family: 4, priority: 100, from: "10.0.0.5/32", table: 1000 }),
    encodeNewRule({ family: 6, priority: 101, to: "fd00::/64", table: 254 }),
    encodeNewNeighbour({ index, address: "10.0.0.7", mac: "02:42:0a:00:00:07" }),
  );
  const [policy] = socket.routes({ table: 1000 });
  assert.deepEqual([policy?.destination, policy?.metric, policy?.source], ["10.9.0.0/16", 5, "10.0.0.1"]);
  const main = socket.routes({ family: 4, table: 254 });
  assert.deepEqual(
    main.map(({ destination, gateway, type }) => [destination, gateway, type]),
    [
      ["10.0.0.0/24", undefined, "unicast"],
      ["10.7.0.0/16", undefined, "blackhole"],
      ["10.8.0.0/16", "10.0.0.7", "unicast"],
    ],
  );
  assert.deepEqual(socket.routes({ table: 77 }), []);
  assert.deepEqual(
    socket.rules().filter((rule) => rule.priority === 100 || rule.priority === 101),
    [
      { family: 4, priority: 100, action: "lookup", table: 1000, from: "10.0.0.5/32", inverted: false, protocol: 0 },
      { family: 6, priority: 101, action: "lookup", table: 254, to: "fd00::/64", inverted: false, protocol: 0 },
    ],
  );
  assert.deepEqual(
    socket.neighbours({ index }).filter((each) => each.state === "permanent"),
    [{ family: 4, index, address: "10.0.0.7", mac: "02:42:0a:00:00:07", state: "permanent", proxy: false }],
  );
  apply(
    socket,
    encodeDeleteNeighbour({ index, address: "10.0.0.7" }),
    encodeDeleteRule({ family: 4, priority: 100 }),
    encodeDeleteRule({ family: 6, priority: 101, to: "fd00::/64", table: 254 }),
    encodeDeleteRoute({ destination: "10.9.0.0/16", table: 1000 }),
    encodeDeleteRoute({ destination: "10.7.0.0/16" }),
    encodeDeleteAddress({ index, address: "10.0.0.1/24" }),
    encodeDeleteLink({ name: "a" }),
  );
});

test("`encodeDeleteLinkGroup()` deletes the links of a group and no other", options, () => {
  using socket = RouteSocket.open();
  const veth = (name: string, group: number) => encodeNewLink({ name, group, info: { kind: "veth" }, peer: { name: `${name}p` } });
  apply(socket, veth("a", 77), veth("b", 77), veth("c", 78));
  assert.equal(socket.link("a")?.group, 77);
  apply(socket, encodeDeleteLinkGroup(77));
  assert.deepEqual(
    socket
      .links()
      .map((link) => link.name)
      .sort(),
    ["c", "cp", "lo"],
  );
  assert.throws(() => encodeDeleteLinkGroup(0), RangeError);
  apply(socket, encodeDeleteLink({ name: "c" }));
});

test("a refused request says what, why and in the kernel's own words", options, () => {
  using socket = RouteSocket.open();
  const [taken, long, none] = socket.batch([
    encodeNewLink({ name: "lo", info: { kind: "bridge" } }),
    encodeNewLink({ name: "sixteen-letters!", info: { kind: "bridge" } }),
    encodeDeleteLink({ name: "nobody" }),
  ]);
  assert.equal(taken?.message, "RTM_NEWLINK lo: File exists (EEXIST)");
  assert.match(long!.message, /^RTM_NEWLINK sixteen-letters!: Numerical result out of range \(ERANGE\): ./);
  assert.equal(none?.errnoName, "ENODEV");
  assert.throws(() => socket.routeTo("192.0.2.1"), { errnoName: "ENETUNREACH" });
});

test("`RouteMonitor` tells of changes in the kernel's order, and of a loss", options, async () => {
  using socket = RouteSocket.open();
  using poller = new Poller();
  const events: RouteEvent[] = [];
  let wake = () => {};
  const onEvents = (batch: readonly RouteEvent[]) => {
    events.push(...batch);
    wake();
  };
  const until = async (done: () => boolean) => {
    const late = setTimeout(() => assert.fail(`no such event in ${JSON.stringify(events)}`), 5000);
    while (!done()) await new Promise<void>((resolve) => (wake = resolve));
    clearTimeout(late);
  };
  {
    using _ = new RouteMonitor({ groups: ["link", "address", "route", "rule"], poller, onEvents });
    apply(socket, encodeNewLink({ name: "a", up: true, info: { kind: "veth" }, peer: { name: "b" } }));
    const index = socket.indexOf("a")!;
    apply(socket, encodeNewAddress({ index, address: "10.0.0.1/24" }), encodeNewRule({ family: 4, priority: 7, table: 9 }));
    apply(socket, encodeDeleteRule({ family: 4, priority: 7 }), encodeDeleteLink({ name: "a" }));
    await until(() => events.some((event) => event.type === "link" && event.removed && event.link.name === "a"));
    const told = (type: RouteEvent["type"], removed: boolean) =>
      events.findIndex((event) => event.type === type && "removed" in event && event.removed === removed);
    assert.ok(told("link", false) < told("address", false) && told("address", false) < told("address", true));
    assert.ok(told("rule", false) < told("rule", true));
    events.length = 0;
    apply(socket, encodeNewLink({ name: "br", info: { kind: "bridge" } }));
    apply(socket, encodeNewLink({ name: "a", master: socket.indexOf("br")!, info: { kind: "veth" }, peer: { name: "b" } }));
    apply(
      socket,
      encodeSetLink({ name: "a", bridgePort: { hairpin: true } }),
      encodeDeleteLink({ name: "a" }),
      encodeDeleteLink({ name: "br" }),
    );
    const port = (removed: boolean) =>
      events.find((each) => each.type === "bridge-port" && each.removed === removed && (removed || each.change.port.hairpin));
    await until(() => port(true) !== undefined);
    assert.ok(port(false));
  }
  assert.equal(poller.size, 0);
  events.length = 0;
  {
    using _ = new RouteMonitor({ groups: ["link"], poller, onEvents, receiveBuffer: 4096 });
    for (let round = 0; round < 20; round++) {
      apply(socket, encodeNewLink({ name: "a", info: { kind: "veth" }, peer: { name: "b" } }), encodeDeleteLink({ name: "a" }));
    }
    await until(() => events.some((event) => event.type === "resync"));
  }
});

test("`encodeNewNamespaceId()` gives a namespace the number that links then speak in", options, () => {
  const path = join(directory, "id");
  createNamespace(path);
  {
    using namespace = NamespaceHandle.at(path);
    using socket = RouteSocket.open();
    assert.equal(socket.namespaceId(namespace), undefined);
    apply(socket, encodeNewNamespaceId(namespace, 42));
    assert.equal(socket.namespaceId(namespace), 42);
  }
  removeNamespaceDirectory(directory);
});

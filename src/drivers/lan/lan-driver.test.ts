import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item } from "#fabric";
import { ipvlanDriver } from "../ipvlan/mod.ts";
import { macvlanDriver } from "../macvlan/mod.ts";
import { fakeHost, ID, lanEndpoint, lanModel, lanRequest, POOL, POOL6 } from "./testing.ts";

const of = <T extends Item["type"]>(items: readonly Item[], type: T) =>
  items.filter((item): item is Extract<Item, { type: T }> => item.type === type);

test("`macvlanDriver.endpoint()` makes eth0 in the sandbox with the MAC of its address and the user's gateway when nothing else is said", () => {
  const items = macvlanDriver.endpoint(lanModel("macvlan", { parent: "eth0" }), lanEndpoint(), fakeHost());
  assert.deepEqual(items, [
    {
      ...{ type: "link", ns: "/ns/c1", name: "eth0", data: { kind: "macvlan", mode: "bridge", parent: "eth0" } },
      ...{ alias: `fairway:endpoint:${"e".repeat(64)}`, mac: "02:42:c0:a8:38:1f", up: true },
    },
    { type: "sysctl", ns: "/ns/c1", key: "net/ipv6/conf/eth0/disable_ipv6", value: "1", optional: true },
    { type: "address", ns: "/ns/c1", link: "eth0", address: "192.168.56.31/24" },
    { type: "link-setting", ns: "/ns/c1", name: "eth0", up: true },
    { type: "route", ns: "/ns/c1", link: "eth0", destination: "0.0.0.0/0", gateway: "192.168.56.1" },
  ]);
});

test("`macvlanDriver.endpoint()` keeps the MAC that was asked for, except in passthru, where it is the parent's own", () => {
  const mac = (mode: string) =>
    of(
      macvlanDriver.endpoint(
        lanModel("macvlan", { parent: "eth0", macvlan_mode: mode }),
        lanEndpoint({ mac: "02:00:00:00:00:09" }),
        fakeHost(),
      ),
      "link",
    )[0]?.mac;
  assert.deepEqual(["bridge", "vepa", "private", "passthru"].map(mac), [...Array(3).fill("02:00:00:00:00:09"), undefined]);
});

test("`macvlanDriver.endpoint()` takes the gateway of its address' own subnet when the network has several", () => {
  const far = { family: 4, subnet: "172.16.0.0/24", gateway: "172.16.0.254", auxiliary: {} } as const;
  const model = lanModel("macvlan", { parent: "eth0" }, { pools: [POOL, far] });
  const [route] = of(macvlanDriver.endpoint(model, lanEndpoint({ ipv4: "172.16.0.7/24" }), fakeHost()), "route");
  assert.equal(route?.gateway, "172.16.0.254");
  assert.equal(macvlanDriver.gateway(model, "172.16.0.7", fakeHost()), "172.16.0.254");
});

test("`macvlanDriver.endpoint()` sets no default route when the user gave no gateway or the network is internal", () => {
  const none = lanModel("macvlan", { parent: "eth0" }, { pools: [{ ...POOL, gateway: undefined } as never] });
  const internal = lanModel("macvlan", { parent: "eth0" }, { internal: true });
  for (const model of [none, internal]) {
    assert.deepEqual(of(macvlanDriver.endpoint(model, lanEndpoint(), fakeHost()), "route"), []);
    assert.equal(macvlanDriver.gateway(model, "192.168.56.31", fakeHost()), undefined);
  }
  assert.equal(macvlanDriver.gateway(lanModel("macvlan", { parent: "eth0" }), "192.168.56.31", fakeHost()), "192.168.56.1");
  assert.deepEqual(macvlanDriver.publishing(internal, fakeHost()), { v4: "none", v6: "none", hostBinding: "" });
  assert.deepEqual(macvlanDriver.publishing(none, fakeHost()), { v4: "inside", v6: "none", hostBinding: "" });
});

test("`ipvlanDriver.endpoint()` gives no MAC, a gateway in l2 and the device as default route in l3 and l3s", () => {
  for (const [mode, gateway] of [
    ["l2", "192.168.56.1"],
    ["l3", undefined],
    ["l3s", undefined],
  ] as const) {
    const model = lanModel("ipvlan", { parent: "eth0", ipvlan_mode: mode, ipvlan_flag: "private" }, { ipv6: true, pools: [POOL, POOL6] });
    const items = ipvlanDriver.endpoint(model, lanEndpoint({ mac: "02:00:00:00:00:09", ipv6: "fd56::31/64", default6: true }), fakeHost());
    const [link] = of(items, "link");
    assert.deepEqual(link?.data, { kind: "ipvlan", mode, flag: "private", parent: "eth0" });
    assert.equal(link?.mac, undefined);
    assert.equal(ipvlanDriver.gateway(model, "192.168.56.31", fakeHost()), gateway);
    const routes = of(items, "route").map(({ destination, gateway }) => [destination, gateway]);
    assert.deepEqual(
      routes,
      mode === "l2"
        ? [["0.0.0.0/0", gateway]]
        : [
            ["0.0.0.0/0", gateway],
            ["::/0", undefined],
          ],
    );
  }
  assert.equal(ipvlanDriver.traits.givesMac, false);
});

test("`network()` makes the VLAN a parent names, with an item that is the same for every network on it", () => {
  const items = macvlanDriver.network(lanModel("macvlan", { parent: "eth0.50" }), fakeHost());
  assert.deepEqual(items, [
    {
      type: "link",
      ns: "host",
      name: "eth0.50",
      data: { kind: "vlan", parent: "eth0", id: 50 },
      alias: "fairway:parent:eth0.50",
      up: true,
    },
  ]);
  const made = fakeHost([{ name: "eth0" }, { name: "eth0.50", kind: "vlan", alias: "fairway:parent:eth0.50" }]);
  assert.deepEqual(ipvlanDriver.network(lanModel("ipvlan", { parent: "eth0.50" }, { id: "f".repeat(64) }), made), items);
  const theirs = fakeHost([{ name: "eth0" }, { name: "eth0.50", kind: "vlan" }]);
  assert.deepEqual(macvlanDriver.network(lanModel("macvlan", { parent: "eth0.50" }), theirs), []);
});

test("`network()` makes a dummy when no parent is named, and asks for an internal network", () => {
  const [dummy] = macvlanDriver.network(lanModel("macvlan", {}), fakeHost());
  const name = `dm-${ID.slice(0, 12)}`;
  assert.deepEqual(dummy, { type: "link", ns: "host", name, data: { kind: "dummy" }, alias: `fairway:parent:${name}`, up: true });
  assert.equal(macvlanDriver.check(lanRequest("macvlan", {}), fakeHost()).internal, true);
  assert.equal(of(ipvlanDriver.network(lanModel("ipvlan", { parent: "" }), fakeHost()), "link")[0]?.name, `di-${ID.slice(0, 12)}`);
  const host = fakeHost([{ name, kind: "dummy", alias: `fairway:parent:${name}` }]);
  assert.deepEqual(
    macvlanDriver.network(lanModel("macvlan", { parent: name }, { id: "f".repeat(64) }), host),
    [dummy],
    "another's dummy, named",
  );
});

test("`network()` does not fail when the parent is gone, so that a daemon starts on a host without that NIC", () => {
  for (const parent of ["eth9", "eth9.10", "a.b.c"]) {
    assert.doesNotThrow(() => macvlanDriver.network(lanModel("macvlan", { parent, "fairway.host_access": "1" }), fakeHost([])));
    assert.doesNotThrow(() => macvlanDriver.endpoint(lanModel("macvlan", { parent }), lanEndpoint(), fakeHost([])));
  }
});

test("`network()` makes a virtual NIC promiscuous, or any when told to, and not one that was so before", () => {
  const setting = (options: Record<string, string>, link: object, driver: "macvlan" | "ipvlan" = "macvlan") => {
    const host = fakeHost([{ name: "eth0", ...link }]);
    const needs = { macvlan: macvlanDriver, ipvlan: ipvlanDriver }[driver].check(lanRequest(driver, { parent: "eth0", ...options }), host);
    const model = lanModel(driver, { parent: "eth0", ...options, ...needs.options });
    return of({ macvlan: macvlanDriver, ipvlan: ipvlanDriver }[driver].network(model, host), "link-setting").length;
  };
  assert.equal(setting({}, { driver: "e1000e" }), 0);
  assert.equal(setting({}, { driver: "virtio_net" }), 1);
  assert.equal(setting({}, { driver: "virtio_net", promiscuous: true }), 0);
  assert.equal(setting({ macvlan_mode: "passthru" }, { driver: "virtio_net" }), 0);
  assert.equal(setting({ "fairway.promiscuous": "false" }, { driver: "virtio_net" }), 0);
  assert.equal(setting({ "fairway.promiscuous": "true" }, {}), 1);
  assert.equal(setting({}, { driver: "virtio_net" }, "ipvlan"), 0);
});

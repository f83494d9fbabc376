import assert from "node:assert/strict";
import { test } from "node:test";
import { ipvlanDriver } from "../ipvlan/mod.ts";
import { macvlanDriver } from "../macvlan/mod.ts";
import { fakeHost, ID, lanModel, lanRequest, OTHER_ID } from "./testing.ts";

type Options = Record<string, string>;
const DRIVERS = { macvlan: macvlanDriver, ipvlan: ipvlanDriver };
const host = fakeHost([{ name: "eth0" }, { name: "br.lan" }, { name: "abcdefghijkl" }, { name: "lo" }]);
const check = (driver: "macvlan" | "ipvlan", options: Options, extra: Parameters<typeof lanRequest>[2] = {}, on = host) =>
  DRIVERS[driver].check(lanRequest(driver, options, extra), on);

test("`check()` refuses in Docker's words, as internal errors, what Docker refuses", () => {
  const cases: ["macvlan" | "ipvlan", Options, string][] = [
    ["macvlan", { macvlan_mode: "zz" }, "requested macvlan mode 'zz' is not valid, 'bridge' mode is the macvlan driver default"],
    ["ipvlan", { ipvlan_mode: "zz" }, "requested ipvlan mode 'zz' is not valid, 'l2' mode is the ipvlan driver default"],
    ["ipvlan", { ipvlan_flag: "zz" }, "requested ipvlan flag 'zz' is not valid, 'bridge' is the ipvlan driver default"],
    ["macvlan", { parent: "lo" }, "loopback interface is not a valid macvlan parent link"],
    ["ipvlan", { parent: "lo" }, "loopback interface is not a valid ipvlan parent link"],
    ["macvlan", { parent: "nope0" }, "invalid subinterface vlan name nope0, example formatting is eth0.10"],
    [
      "macvlan",
      { parent: "eth0.1.2" },
      "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received eth0.1.2",
    ],
    ["macvlan", { parent: "eth0.a" }, "unable to parse a valid vlan id from: a (ex. eth0.10 for vlan 10)"],
    ["ipvlan", { parent: "eth0." }, "unable to parse a valid vlan id from:  (ex. eth0.10 for vlan 10)"],
    ["macvlan", { parent: "nope0.10" }, "-o parent interface was not found on the host: nope0"],
    ["macvlan", { parent: "eth0.0" }, "vlan id must be between 1-4094, received: 0"],
    ["macvlan", { parent: "eth0.4095" }, "vlan id must be between 1-4094, received: 4095"],
    ["ipvlan", { parent: "eth0.4096" }, "vlan id must be between 1-4094, received: 4096"],
    ["macvlan", { parent: "eth0.-1" }, "vlan id must be between 1-4094, received: -1"],
    ["macvlan", { parent: "eth0.9999" }, "vlan id must be between 1-4094, received: 9999"],
    [
      "macvlan",
      { parent: "abcdefghijkl.100" },
      "failed to create abcdefghijkl.100 vlan link: numerical result out of range: an interface name has at most 15 characters",
    ],
  ];
  for (const [driver, options, message] of cases) assert.throws(() => check(driver, options), { message, category: "internal" }, message);
});

test("`check()` takes VLANs 1 to 4094, names of 15 characters, and masters with dots in their names", () => {
  for (const parent of ["eth0.1", "eth0.4094", "br.lan.10", "br.lan", "abcdefghijkl.10"])
    assert.doesNotThrow(() => check("macvlan", { parent }), parent);
});

test("`check()` refuses in our own words, as invalid parameters, what is ours", () => {
  const invalid = (options: Options, message: RegExp, driver: "macvlan" | "ipvlan" = "macvlan") =>
    assert.throws(
      () => check(driver, { parent: "eth0", ...options }),
      (error: Error & { category?: string }) => {
        assert.match(error.message, message);
        return error.category === "invalidParameter";
      },
    );
  invalid({ "fairway.address_probe": "slow" }, /^invalid value for fairway.address_probe: "slow" \(must be one of quick, full, off\)$/);
  invalid({ "fairway.host_access": "maybe" }, /ParseBool/);
  for (const mode of ["private", "vepa", "passthru"]) {
    invalid(
      { "fairway.host_access": "true", macvlan_mode: mode },
      new RegExp(`cannot work with macvlan_mode=${mode}, .*: use macvlan_mode=bridge`),
    );
  }
  invalid({ "fairway.host_access": "true", ipvlan_flag: "private" }, /ipvlan_flag=private/, "ipvlan");
  assert.throws(() => check("macvlan", {}, { ipv4: false }), { message: "IPv4 or IPv6 must be enabled", category: "invalidParameter" });
});

test("`check()` asks for no gateway, and for the host's address when the host is to have access", () => {
  assert.deepEqual(check("macvlan", { parent: "eth0" }), { gateway4: false, gateway6: false, warnings: [] });
  assert.deepEqual(check("ipvlan", { parent: "eth0", "fairway.host_access": "true" }).auxiliary, ["fairway.host_access"]);
});

const beside = (driver: "macvlan" | "ipvlan", options: Options) => ({
  others: () => [
    lanModel(driver, { parent: "eth0", ...options }, { id: OTHER_ID, name: "red" }),
    lanModel("macvlan", { parent: "eth1" }, { id: ID }),
  ],
});

test("`check()` gives a parent to one passthru network alone when another is on it", () => {
  assert.throws(() => check("macvlan", { parent: "eth0", macvlan_mode: "passthru" }, beside("macvlan", {})), {
    message: `cannot use mode passthru, macvlan network ${OTHER_ID} is already using parent interface eth0`,
    category: "internal",
  });
  for (const mode of ["bridge", "passthru"]) {
    const message =
      mode === "bridge"
        ? `macvlan network ${OTHER_ID} is already using parent interface eth0 in mode passthru`
        : /^cannot use mode passthru/;
    assert.throws(() => check("macvlan", { parent: "eth0", macvlan_mode: mode }, beside("macvlan", { macvlan_mode: "passthru" })), {
      message,
    });
  }
  assert.doesNotThrow(() => check("macvlan", { parent: "eth0", macvlan_mode: "private" }, beside("macvlan", { macvlan_mode: "vepa" })));
  assert.doesNotThrow(() => check("macvlan", { parent: "br.lan", macvlan_mode: "passthru" }, beside("macvlan", {})));
});

test("`check()` gives a parent one ipvlan mode and flag when several ipvlan networks are on it", () => {
  assert.doesNotThrow(() => check("ipvlan", { parent: "eth0", ipvlan_mode: "l3" }, beside("ipvlan", { ipvlan_mode: "l3" })));
  const message = new RegExp(
    `^network di-${OTHER_ID.slice(0, 12)} is already using parent interface eth0 in ipvlan mode l3 with flag bridge, .* use -o ipvlan_mode=l3 -o ipvlan_flag=bridge$`,
  );
  assert.throws(() => check("ipvlan", { parent: "eth0" }, beside("ipvlan", { ipvlan_mode: "l3" })), { message, category: "internal" });
  assert.throws(() => check("ipvlan", { parent: "eth0", ipvlan_flag: "vepa" }, beside("ipvlan", {})), { code: "parent-in-use" });
});

test("`check()` refuses macvlan and ipvlan on one parent, ours or not", () => {
  assert.throws(() => check("macvlan", { parent: "eth0" }, beside("ipvlan", {})), {
    message: `failed to create the macvlan port: parent interface eth0 carries ipvlan network "red" (${OTHER_ID.slice(0, 12)}), and an interface carries macvlan or ipvlan, not both`,
  });
  assert.throws(() => check("ipvlan", { parent: "eth0" }, beside("macvlan", {})), /failed to create the ipvlan port/);
  const on = (kind: string, extra: object = {}) => fakeHost([{ name: "eth0" }, { name: "x0", kind, parentIndex: 2, ...extra }]);
  assert.throws(() => check("ipvlan", { parent: "eth0" }, {}, on("macvtap")), /carries macvtap x0/);
  assert.throws(() => check("macvlan", { parent: "eth0" }, {}, on("ipvlan")), /carries ipvlan x0/);
  assert.throws(() => check("macvlan", { parent: "eth0", macvlan_mode: "passthru" }, {}, on("macvlan")), /eth0 carries x0/);
  assert.doesNotThrow(() => check("macvlan", { parent: "eth0" }, {}, on("macvlan")));
  assert.doesNotThrow(() => check("macvlan", { parent: "eth0" }, {}, on("vlan")));
  assert.match(check("ipvlan", { parent: "eth0" }, {}, on("ipvlan")).warnings.join(), /x0 on eth0 is not Fairway's/);
  const port = fakeHost([
    { name: "eth0", masterIndex: 3 },
    { name: "br0", kind: "bridge" },
  ]);
  assert.throws(() => check("macvlan", { parent: "eth0" }, {}, port), /eth0 is a port of br0 \(bridge\): use -o parent=br0/);
});

test("`check()` warns of a parent that is wireless, down, virtual or a virtual function, and of a subnet that is not the parent's", () => {
  const warned = (link: object, driver: "macvlan" | "ipvlan" = "macvlan", extra: Parameters<typeof lanRequest>[2] = {}, parent = "eth0") =>
    check(driver, { parent }, extra, fakeHost([{ name: "eth0", ...link }])).warnings.join("\n");
  assert.equal(warned({ addresses: ["192.168.56.11/24", "fe80::1/64"] }), "");
  assert.equal(warned({ addresses: [] }), "");
  assert.match(
    warned({ wireless: true }),
    /^parent interface eth0 is wireless: an access point accepts one MAC address a client; use the ipvlan driver/,
  );
  assert.match(warned({ wireless: true }, "macvlan", {}, "eth0.10"), /is wireless/);
  assert.match(warned({ wireless: true }, "ipvlan"), /may still refuse/);
  assert.match(warned({ up: false }), /eth0 is down/);
  assert.match(warned({ carrier: false }), /eth0 has no carrier/);
  assert.match(warned({ driver: "vmxnet3" }), /virtual NIC \(vmxnet3\)/);
  assert.equal(warned({ driver: "vmxnet3" }, "ipvlan"), "");
  assert.match(warned({ virtualFunction: true, driver: "iavf" }), /SR-IOV virtual function/);
  assert.match(warned({ addresses: ["10.1.2.3/24"] }), /^subnet 192.168.56.0\/24 is not that of parent interface eth0 \(10.1.2.3\/24\)/);
  assert.match(warned({ addresses: ["10.1.2.3/24"] }, "macvlan", { subnets: [] }), /^no IPv4 subnet was given/);
  assert.equal(warned({ addresses: ["10.1.2.3/16"] }, "macvlan", { subnets: [{ family: 4, subnet: "10.1.128.0/24" }] }), "");
});

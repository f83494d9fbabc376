/** For kernels with ipvlan, 802.1q and dummy; elsewhere the VM tests run this file on Debian's kernel (test/vm/lan-drivers.test.ts). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import { pingMatrix } from "#lab";
import { ipvlanDriver } from "../ipvlan/mod.ts";
import { macvlanDriver } from "../macvlan/mod.ts";
import { ID, lanModel, OTHER_ID, POOL, POOL6 } from "./testing.ts";
import { BLOCKED, dual, FAMILIES, kernelHas, LanLab, matrixOf, OPEN, sh } from "./testing-lab.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const wanting = (...kinds: ("ipvlan" | "vlan" | "dummy")[]) => {
  if (!isolated) return { skip: "needs root" };
  const lacking = kinds.filter((kind) => !kernelHas(kind));
  return { skip: lacking.length > 0 ? `this kernel has no ${lacking.join(", ")}` : false };
};

function populate(lab: LanLab, model: ReturnType<typeof lanModel>): void {
  lab.network(ipvlanDriver, model);
  lab.container(ipvlanDriver, model, "a1", { ipv4: "192.168.56.31/24", ipv6: "fd56::31/64" });
  lab.container(ipvlanDriver, model, "a2", { ipv4: "192.168.56.32/24", ipv6: "fd56::32/64" });
  lab.remote("b1", "ipvlan mode l2", "192.168.56.41/24", "fd56::41/64");
  lab.remote("b2", "ipvlan mode l2", "192.168.56.42/24", "fd56::42/64");
}

test("ipvlan l2 blocks exactly host and own containers, both ways, and shares the parent's MAC (E14)", wanting("ipvlan"), async () => {
  using lab = new LanLab();
  populate(lab, lanModel("ipvlan", { parent: "eth0" }, dual));
  for (const family of FAMILIES) {
    const matrix = await matrixOf(lab, family, BLOCKED);
    assert.deepEqual(matrix.differences(BLOCKED), [], `IPv${family}\n${matrix.render()}`);
  }
  assert.match(sh("ip -n a1 link show eth0"), new RegExp(sh("cat /sys/class/net/eth0/address").trim()));
  assert.deepEqual(lab.fabric.drift(), []);
});

for (const reserved of [true, false]) {
  const how = reserved ? "an address was reserved for it" : "its own address must do";
  test(`fairway.host_access opens exactly host and own ipvlan containers when ${how}`, wanting("ipvlan"), async () => {
    using lab = new LanLab();
    const of = (address: string) => (reserved ? { auxiliary: { "fairway.host_access": address } } : {});
    const pools = [
      { ...POOL, ...of("192.168.56.9") },
      { ...POOL6, ...of("fd56::9") },
    ];
    populate(lab, lanModel("ipvlan", { parent: "eth0", "fairway.host_access": "true" }, { ipv6: true, pools }));
    for (const family of FAMILIES) {
      const matrix = await matrixOf(lab, family, OPEN);
      assert.deepEqual(matrix.differences(OPEN), [], `IPv${family}\n${matrix.render()}`);
    }
    assert.deepEqual(lab.fabric.drift(), []);
    lab.remove("a1", "a2");
    lab.fabric.release([`network/${ID}`]);
    assert.doesNotMatch(sh("ip link; ip route; ip neigh"), /fw-/);
  });
}

for (const mode of ["l3", "l3s"] as const) {
  test(`ipvlan ${mode} joins containers of several subnets, and host_access the host to them (E15)`, wanting("ipvlan"), async () => {
    using lab = new LanLab();
    const pools = [1, 2].map((net) => ({ family: 4 as const, subnet: `172.30.${net}.0/24`, auxiliary: {} }));
    const ends = () => [
      lab.end("h1", "192.168.56.11"),
      lab.end("h2", "192.168.56.12"),
      lab.end("a1", "172.30.1.2"),
      lab.end("a2", "172.30.2.2"),
    ];
    sh("ip -n h2 route add 172.30.0.0/16 via 192.168.56.11");
    for (const access of [false, true]) {
      const model = lanModel("ipvlan", { parent: "eth0", ipvlan_mode: mode, "fairway.host_access": String(access) }, { pools });
      lab.network(ipvlanDriver, model);
      lab.container(ipvlanDriver, model, "a1", { ipv4: "172.30.1.2/24" });
      lab.container(ipvlanDriver, model, "a2", { ipv4: "172.30.2.2/24" });
      assert.match(sh("ip netns exec a1 ip route show default"), /^default dev eth0/);
      const host = access ? "ok" : "X";
      const expected = `h1 h2 a1 a2\nh1 - ok ${host} ${host}\nh2 ok - ok ok\na1 ${host} ok - ok\na2 ${host} ok ok -`;
      const matrix = await pingMatrix(ends(), { count: 1, expected });
      assert.deepEqual(matrix.differences(expected), [], `host_access ${access}\n${matrix.render()}`);
      lab.remove("a1", "a2");
    }
  });
}

test("Networks that share a VLAN parent make it once, and the last of them takes it away (E12)", wanting("vlan"), async () => {
  using lab = new LanLab();
  sh(
    "ip -n h2 link add link eth0 name eth0.10 type vlan id 10; ip -n h2 link set eth0.10 up; ip -n h2 addr add 172.16.10.12/24 dev eth0.10",
  );
  const pools = [{ family: 4 as const, subnet: "172.16.10.0/24", auxiliary: {} }];
  const first = lanModel("macvlan", { parent: "eth0.10" }, { pools });
  const second = lanModel("macvlan", { parent: "eth0.10", macvlan_mode: "vepa" }, { id: OTHER_ID });
  lab.network(macvlanDriver, first);
  lab.network(macvlanDriver, second);
  lab.container(macvlanDriver, first, "a1", { ipv4: "172.16.10.10/24" });
  assert.match(sh("ip -d link show eth0.10"), /vlan protocol 802.1Q id 10/);
  const expected = "a1 h2\na1 - ok\nh2 ok -";
  const matrix = await pingMatrix([lab.end("a1", "172.16.10.10"), lab.end("h2", "172.16.10.12")], { count: 1, expected });
  assert.deepEqual(matrix.differences(expected), [], matrix.render());
  sh("ip link del eth0.10");
  lab.fabric.repair();
  lab.fabric.repair();
  assert.deepEqual(lab.fabric.drift(), [], "made again, with the container on it");
  lab.remove("a1");
  lab.fabric.release([`network/${first.id}`]);
  assert.match(sh("ip -br link"), /eth0\.10/);
  lab.fabric.release([`network/${second.id}`]);
  assert.doesNotMatch(sh("ip -br link"), /eth0\.10/);
});

test("A network without a parent ends at its own dummy, which goes with it", wanting("dummy"), async () => {
  using lab = new LanLab();
  const model = lanModel("macvlan", {}, { internal: true });
  lab.network(macvlanDriver, model);
  lab.container(macvlanDriver, model, "a1", { ipv4: "192.168.56.31/24" });
  lab.container(macvlanDriver, model, "a2", { ipv4: "192.168.56.32/24" });
  const expected = "h2 a1 a2\nh2 - X X\na1 X - ok\na2 X ok -";
  const matrix = await matrixOf(lab, 4, expected, ["h2", "a1", "a2"]);
  assert.deepEqual(matrix.differences(expected), [], matrix.render());
  lab.remove("a1", "a2");
  lab.fabric.release([`network/${ID}`]);
  assert.doesNotMatch(sh("ip -br link"), /dm-/);
});

test("A kernel's refusal of ipvlan beside macvlan names both", wanting("ipvlan"), () => {
  using lab = new LanLab();
  lab.container(macvlanDriver, lanModel("macvlan", { parent: "eth0" }), "a1", {});
  assert.throws(
    () => lab.container(ipvlanDriver, lanModel("ipvlan", { parent: "eth0" }), "a2", {}),
    /carries macvlan or ipvlan of the other kind/,
  );
});

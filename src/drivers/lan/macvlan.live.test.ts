import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isolate } from "#kernel/netns";
import { pingMatrix } from "#lab";
import { macvlanDriver } from "../macvlan/mod.ts";
import { ID, lanModel, POOL, POOL6 } from "./testing.ts";
import { BLOCKED, dual, FAMILIES, kernelHas, LanLab, matrixOf, OPEN, sh } from "./testing-lab.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const options = { skip: isolated ? false : "needs root" };
function populate(lab: LanLab, model: ReturnType<typeof lanModel>): void {
  lab.network(macvlanDriver, model);
  lab.container(macvlanDriver, model, "a1", { ipv4: "192.168.56.31/24", ipv6: "fd56::31/64" });
  lab.container(macvlanDriver, model, "a2", { ipv4: "192.168.56.32/24", ipv6: "fd56::32/64" });
  lab.remote("b1", "macvlan mode bridge", "192.168.56.41/24", "fd56::41/64");
  lab.remote("b2", "macvlan mode bridge", "192.168.56.42/24", "fd56::42/64");
}

test("macvlan in mode bridge blocks exactly host and own containers, both ways, when the host has no access", options, async () => {
  using lab = new LanLab();
  populate(lab, lanModel("macvlan", { parent: "eth0" }, dual));
  for (const family of FAMILIES) {
    const matrix = await matrixOf(lab, family, BLOCKED);
    assert.deepEqual(matrix.differences(BLOCKED), [], `IPv${family}\n${matrix.render()}`);
  }
  assert.match(sh("ip netns exec a1 ip link show eth0"), /eth0@if\d+: .*UP[\s\S]*02:42:c0:a8:38:1f/);
  assert.match(sh("ip netns exec a1 ip route"), /^default via 192.168.56.1 dev eth0/);
  assert.match(sh("ip route get 192.168.56.31"), /dev eth0 src 192.168.56.11/);
  assert.deepEqual(lab.fabric.drift(), []);
});

for (const reserved of [true, false]) {
  const how = reserved ? "an address was reserved for it" : "its own address must do";
  test(`fairway.host_access opens exactly host and own containers, both ways, when ${how}`, options, async () => {
    using lab = new LanLab();
    const of = (address: string) => (reserved ? { auxiliary: { "fairway.host_access": address } } : {});
    const pools = [
      { ...POOL, ...of("192.168.56.9") },
      { ...POOL6, ...of("fd56::9") },
    ];
    populate(lab, lanModel("macvlan", { parent: "eth0", "fairway.host_access": "true" }, { ipv6: true, pools }));
    for (const family of FAMILIES) {
      const matrix = await matrixOf(lab, family, OPEN);
      assert.deepEqual(matrix.differences(OPEN), [], `IPv${family}\n${matrix.render()}`);
    }
    const mac = sh("cat /sys/class/net/eth0/address").trim();
    assert.match(sh("ip -n h2 neigh show 192.168.56.11"), new RegExp(mac), "the LAN still knows the host by its parent's MAC");
    if (reserved)
      assert.match(sh("ip netns exec a1 ping -c 1 192.168.56.9; ip netns exec a1 ping -c 1 fd56::9"), /1 received[\s\S]*1 received/);
    assert.deepEqual(lab.fabric.drift(), []);
    for (const ignore of [1, 2]) {
      sh(`sysctl -qw net.ipv4.conf.all.arp_ignore=${ignore}; for ns in a1 a2; do ip -n $ns neigh flush all; done`);
      const strict = await matrixOf(lab, 4, OPEN);
      assert.deepEqual(strict.differences(OPEN), [], `arp_ignore=${ignore}\n${strict.render()}`);
    }
    sh("sysctl -qw net.ipv4.conf.all.arp_ignore=0");
    sh("ip link set eth0 down; ip link set eth0 up; ip addr add fd56::11/64 dev eth0 nodad 2>/dev/null || true");
    lab.fabric.repair();
    const matrix = await matrixOf(lab, 4, "  h1 a1 a2\nh1 - ok ok\na1 ok - ok\na2 ok ok -", ["h1", "a1", "a2"]);
    assert.equal(matrix.symbol("h1", "a1") + matrix.symbol("a1", "h1"), "okok", "after the parent flapped");
    lab.remove("a1", "a2");
    lab.fabric.release([`network/${ID}`]);
    assert.doesNotMatch(sh("ip link; ip route; ip neigh"), /fw-/);
  });
}

test(
  "macvlan in mode private keeps containers of a parent apart even when the switch reflects, vepa when it does not",
  options,
  async () => {
    using lab = new LanLab();
    const expected = (pair: string) => `
       h2 a1 a2
    h2 -  ok ok
    a1 ok -  ${pair}
    a2 ok ${pair} -`;
    for (const [mode, plain, reflecting] of [
      ["vepa", "X", "ok"],
      ["private", "X", "X"],
    ] as const) {
      const model = lanModel("macvlan", { parent: "eth0", macvlan_mode: mode }, dual);
      lab.container(macvlanDriver, model, "a1", { ipv4: "192.168.56.31/24", ipv6: "fd56::31/64" });
      lab.container(macvlanDriver, model, "a2", { ipv4: "192.168.56.32/24", ipv6: "fd56::32/64" });
      for (const [hairpin, pair] of [
        ["off", plain],
        ["on", reflecting],
      ] as const) {
        sh(`bridge -n sw link set dev h1 hairpin ${hairpin}`);
        const matrix = await matrixOf(lab, 4, expected(pair), ["h2", "a1", "a2"]);
        assert.deepEqual(matrix.differences(expected(pair)), [], `${mode}, hairpin ${hairpin}\n${matrix.render()}`);
      }
      lab.remove("a1", "a2");
    }
  },
);

test("macvlan in mode passthru gives one container the parent's MAC and refuses a second when one is there", options, async () => {
  using lab = new LanLab();
  const model = lanModel("macvlan", { parent: "eth0", macvlan_mode: "passthru" });
  const mac = sh("cat /sys/class/net/eth0/address").trim();
  lab.container(macvlanDriver, model, "a1", { ipv4: "192.168.56.31/24" });
  assert.match(sh("ip -n a1 link show eth0"), new RegExp(mac));
  assert.equal(sh("cat /sys/class/net/eth0/address").trim(), mac);
  assert.deepEqual(lab.fabric.drift(), []);
  const matrix = await matrixOf(lab, 4, "  h2 a1\nh2 - ok\na1 ok -", ["h2", "a1"]);
  assert.equal(matrix.symbol("a1", "h2") + matrix.symbol("h2", "a1"), "okok", matrix.render());
  assert.throws(
    () => lab.container(macvlanDriver, model, "a2", { ipv4: "192.168.56.32/24" }),
    /mode passthru allows one macvlan on a parent/,
  );
});

test("A container's link may have any name, also one that the host has, when the endpoint asks for it", options, () => {
  using lab = new LanLab();
  sh("ip link add lan0 type veth peer name lan1");
  const model = lanModel("macvlan", { parent: "eth0" });
  lab.container(macvlanDriver, model, "a1", { ifname: "lan0" });
  assert.match(sh("ip -n a1 -br link show lan0"), /^lan0@if\d+ .*<.*\bUP\b/);
  assert.deepEqual(lab.fabric.drift(), []);
  sh("ip link del lan0");
});

test("Several macvlan networks share a parent, also with subnets foreign to the host's", options, async () => {
  using lab = new LanLab();
  const far = { family: 4, subnet: "172.22.16.0/24", auxiliary: {} } as const;
  lab.container(macvlanDriver, lanModel("macvlan", { parent: "eth0" }), "a1", { ipv4: "192.168.56.31/24" });
  lab.container(macvlanDriver, lanModel("macvlan", { parent: "eth0", macvlan_mode: "vepa" }, { pools: [far] }), "a2", {
    ipv4: "172.22.16.10/24",
  });
  lab.remote("b1", "macvlan mode bridge", "172.22.16.20/24");
  const matrix = await pingMatrix([lab.end("a2", "172.22.16.10"), lab.end("b1", "172.22.16.20")], {
    count: 1,
    expected: "  a2 b1\na2 - ok\nb1 ok -",
  });
  assert.equal(matrix.symbol("a2", "b1") + matrix.symbol("b1", "a2"), "okok");
});

test("What the kernel lacks, and a parent that vanished, is said plainly and leaves nothing behind", options, () => {
  using lab = new LanLab();
  const links = sh("ip -br link");
  if (!kernelHas("dummy")) {
    const message = /link dm-0123456789ab \(dummy\): .*; this kernel has no dummy links \(CONFIG_DUMMY\)/;
    assert.throws(() => lab.network(macvlanDriver, lanModel("macvlan", {})), message);
  }
  if (!kernelHas("vlan")) {
    const network = lanModel("macvlan", { parent: "eth0.10" });
    assert.throws(() => lab.network(macvlanDriver, network), /eth0\.10 \(vlan\): .*CONFIG_VLAN_8021Q.*8021q/);
  }
  const gone = lanModel("macvlan", { parent: "eth7" });
  assert.throws(() => lab.container(macvlanDriver, gone, "a1", {}), /link eth0 \(macvlan\) in .*: no link eth7/);
  assert.equal(sh("ip -br link"), links);
});

test("A container whose parent vanishes and comes back is put right by a repair", options, async () => {
  using lab = new LanLab();
  const model = lanModel("macvlan", { parent: "eth0", "fairway.host_access": "1" });
  lab.network(macvlanDriver, model);
  lab.container(macvlanDriver, model, "a1", {});
  sh("ip link del eth0");
  assert.ok(lab.fabric.drift().some(({ kind, description }) => kind === "missing" && /link eth0 \(macvlan\)/.test(description)));
  lab.fabric.repair();
  sh(`ip link add eth0 type veth peer name h1 netns sw; ip -n sw link set h1 master sw0 up
    ip addr add 192.168.56.11/24 dev eth0; ip link set eth0 up`);
  lab.fabric.repair();
  assert.deepEqual(
    lab.fabric.drift().map(({ description }) => description),
    [],
  );
  const matrix = await matrixOf(lab, 4, "  h1 h2 a1\nh1 - ok ok\nh2 ok - ok\na1 ok ok -", ["h1", "h2", "a1"]);
  assert.deepEqual(matrix.differences("  h1 h2 a1\nh1 - ok ok\nh2 ok - ok\na1 ok ok -"), [], matrix.render());
});

test("`fairway.promiscuous` is set on the parent and put back when the network goes", options, () => {
  using lab = new LanLab();
  const flag = () => (Number(sh("cat /sys/class/net/eth0/flags")) & 0x100) !== 0;
  const model = lanModel("macvlan", { parent: "eth0", "fairway.promiscuous": "true" });
  lab.network(macvlanDriver, model);
  assert.equal(flag(), true);
  sh("ip link set eth0 promisc off");
  assert.deepEqual(
    lab.fabric.repair().map(({ description }) => description),
    ["settings of link eth0"],
  );
  assert.equal(flag(), true);
  lab.fabric.release([`network/${ID}`]);
  assert.equal(flag(), false);
});

after(() => isolated && assert.equal(sh("ip -br link | wc -l").trim(), "1", "only lo is left"));

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readIptablesSave } from "./iptables-save.ts";
import { findObstacles, firewallChecks } from "./obstacles.ts";
import { HOST_VIEW, recorded, statement, tableOf } from "./testing.ts";

const find = (...tables: ReturnType<typeof recorded>[]) => findObstacles(tables, HOST_VIEW);
const { accept, drop, counter, jump, goto, meta, ct, payload } = statement;

describe("findObstacles() over recorded rulesets", () => {
  test("`findObstacles()` names FORWARD's policy and dockerd's chain for users when another dockerd is there", () => {
    const [finding, ...rest] = find(recorded("dockerd-20.10"));
    assert.deepEqual(rest, []);
    assert.equal(finding!.hook, "forward");
    assert.equal(finding!.reach, "all");
    assert.match(
      finding!.text,
      /^The policy of chain FORWARD of table ip filter drops packets from containers to the outside, from outside to published/,
    );
    assert.match(finding!.text, /\(fairway0, br-0123456789ab, br-abcdef012345\)$/);
    // Their bridges are called br-* too, so ours are named one by one.
    assert.equal(
      finding!.wayOut,
      ["i", "o"]
        .map((way) => `nft insert rule ip filter DOCKER-USER ${way}ifname { "fairway0", "br-0123456789ab", "br-abcdef012345" } accept`)
        .join("\n"),
    );
  });

  test("`findObstacles()` lets replies through ufw's connection tracking, an extension of iptables, when the policy is drop", () => {
    const findings = find(recorded("ufw"));
    assert.deepEqual(
      findings.map(({ hook, reach }) => [hook, reach]),
      [
        ["forward", "all"],
        ["input", "all"],
      ],
    );
    assert.doesNotMatch(findings[0]!.text, /established/);
    assert.match(findings[0]!.wayOut, /\nto last, by ufw: ufw route allow/);
    assert.match(findings[1]!.text, /policy of chain INPUT of table ip filter drops packets from containers to the host/);
  });

  test("`findObstacles()` quotes firewalld's closing reject with its handle when no zone accepts", () => {
    const findings = find(recorded("firewalld"));
    const forward = findings.find(({ hook, reach }) => hook === "forward" && reach === "all")!;
    assert.match(
      forward.text,
      /^Rule "reject with icmpx admin-prohibited" \(handle \d+\) in chain filter_FORWARD of table inet firewalld rejects packets from containers to the outside/,
    );
    assert.doesNotMatch(forward.text, /published|established/, "it accepts what is translated or established");
    assert.match(forward.wayOut, /firewall-cmd --permanent/);
    assert.deepEqual(
      findings.filter(({ hook }) => hook === "prerouting"),
      [],
      "its reverse path filter lets ours pass",
    );
  });

  test("`findObstacles()` reads iptables-legacy and answers in its commands", () => {
    const text = [
      "*filter",
      ":INPUT ACCEPT [0:0]",
      ":FORWARD DROP [0:0]",
      ":OUTPUT ACCEPT [0:0]",
      "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ];
    const tables = readIptablesSave([...text, "-A FORWARD -i fairway0 -j ACCEPT", "COMMIT", ""].join("\n"), "iptables-legacy");
    const [finding, ...rest] = findObstacles(tables, HOST_VIEW);
    assert.deepEqual(rest, []);
    assert.match(finding!.text, /chain FORWARD of table ip filter \(iptables-legacy\) drops packets/);
    assert.match(finding!.wayOut, /^iptables-legacy -I FORWARD -i fairway0 -j ACCEPT$/m);
    assert.match(finding!.wayOut, /^iptables-legacy -I FORWARD -o br-\+ -j ACCEPT$/m);
  });

  test("`findObstacles()` takes iptables' state DNAT for what published ports do, and a mask that is no prefix for some hosts", () => {
    const rules = [
      "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT",
      "-A FORWARD -s 172.0.0.1/255.0.0.255 -j DROP",
      "-A FORWARD -d fd00::1/ffff::ffff -j DROP",
    ];
    const findings = findObstacles(
      readIptablesSave(["*filter", ":FORWARD DROP [0:0]", ...rules, "COMMIT", ""].join("\n"), "iptables-legacy"),
      HOST_VIEW,
    );
    assert.deepEqual(
      findings.map(({ reach }) => reach),
      ["some", "some", "all"],
    );
    assert.match(findings[2]!.text, /^The policy .* from containers to the outside \(/);
  });
});

describe("findObstacles() by rule", () => {
  const reaches = (...args: Parameters<typeof tableOf>) =>
    find(tableOf(...args)).map(({ reach, text }) => `${reach} ${/^Rule/.test(text) ? "rule" : "policy"}`);

  test("`findObstacles()` finds nothing when the policy is accept and no rule drops", () => {
    assert.deepEqual(reaches("ip", [[counter, accept]]), []);
    assert.deepEqual(reaches("inet", []), []);
  });

  test("`findObstacles()` finds nothing when both directions are accepted before the policy", () => {
    const rules = [
      [meta("iifname", { set: ["br-*", "fairway0"] }), accept],
      [meta("oifname", { set: ["br-*", "fairway0"] }), accept],
    ];
    assert.deepEqual(reaches("ip", rules, { policy: "drop" }), []);
    assert.deepEqual(reaches("ip", rules.slice(0, 1), { policy: "drop" }), ["all policy"]);
  });

  test("`findObstacles()` tells a drop of some packets apart when it is about ports, hosts or rates", () => {
    assert.deepEqual(reaches("inet", [[payload("tcp", "dport", 25), drop]]), ["some rule"]);
    assert.deepEqual(reaches("ip", [[payload("ip", "daddr", "192.0.2.1"), drop]]), ["some rule"]);
    assert.deepEqual(reaches("ip", [[{ limit: { rate: 1, per: "second" } }, drop]]), ["some rule"]);
    assert.deepEqual(reaches("ip", [[payload("tcp", "dport", 25), accept]], { policy: "drop" }), ["all policy"]);
  });

  test("`findObstacles()` knows the containers' own addresses when a rule is about subnets", () => {
    assert.deepEqual(reaches("ip", [[payload("ip", "saddr", { prefix: { addr: "172.16.0.0", len: 12 } }), drop]]), ["all rule"]);
    assert.deepEqual(
      reaches("ip", [[payload("ip", "saddr", { prefix: { addr: "10.0.0.0", len: 8 } }), drop]]),
      ["some rule"],
      "clients outside",
    );
    assert.deepEqual(reaches("ip", [[payload("ip", "saddr", { range: ["172.18.0.0", "172.18.0.9"] }), drop]]), ["all rule"]);
    assert.deepEqual(reaches("ip6", [[payload("ip6", "saddr", { prefix: { addr: "fd00:1::", len: 64 } }), drop]]), ["all rule"]);
    assert.deepEqual(
      reaches("inet", [[payload("ip6", "saddr", { prefix: { addr: "fd00:2::", len: 64 } }, "!="), drop]]),
      ["all rule"],
      "IPv4 is not meant",
    );
  });

  test("`findObstacles()` is unsure when a rule on the way cannot be judged", () => {
    assert.deepEqual(
      reaches("ip", [[payload("ip", "saddr", "@allowed"), accept]], { policy: "drop" }),
      ["all policy"],
      "a named set of hosts is about some",
    );
    assert.deepEqual(reaches("ip", [[{ xt: { type: "match", name: "set" } }, accept]], { policy: "drop" }), ["unsure policy"]);
    assert.deepEqual(reaches("ip", [[{ xt: { type: "match", name: "set" } }, drop]]), ["unsure rule"]);
  });

  test("`findObstacles()` follows jump, goto, return and verdict maps", () => {
    assert.deepEqual(reaches("ip", [[jump("a")]], { chains: { a: [[meta("iifname", "fairway0"), drop]] } }), ["all rule"]);
    assert.deepEqual(reaches("ip", [[jump("a")], [drop]], { chains: { a: [[accept]] } }), []);
    assert.deepEqual(reaches("ip", [[jump("a")], [drop]], { chains: { a: [[{ return: null }], [accept]] } }), ["all rule"]);
    assert.deepEqual(
      reaches("ip", [[goto("a")], [accept]], { policy: "drop", chains: { a: [] } }),
      ["all policy"],
      "goto does not come back",
    );
    const map = {
      vmap: {
        key: { ct: { key: "state" } },
        data: {
          set: [
            ["established", accept],
            ["new", jump("a")],
          ],
        },
      },
    };
    assert.deepEqual(reaches("ip", [[map]], { chains: { a: [[drop]] } }), ["all rule"]);
    assert.deepEqual(
      reaches("ip", [[jump("loop")]], { chains: { loop: [[jump("loop")]] } }),
      [],
      "a loop, which no kernel would take, ends",
    );
    assert.deepEqual(reaches("ip", [[payload("tcp", "dport", 80), jump("a")]], { chains: { a: [[accept], [drop]] } }), []);
  });

  test("`findObstacles()` takes unmarked, translated and new packets for what they are", () => {
    assert.deepEqual(reaches("ip", [[meta("mark", 1), drop]]), []);
    assert.deepEqual(reaches("ip", [[meta("mark", 0), drop]]), ["all rule"]);
    assert.deepEqual(reaches("ip", [[ct("state", "invalid"), drop]]), []);
    assert.deepEqual(reaches("ip", [[ct("status", "dnat"), accept], [ct("state", ["established", "related"]), accept], [drop]]).length, 1);
    assert.deepEqual(reaches("ip", [[meta("l4proto", "icmp"), drop]]), []);
  });

  test("`findObstacles()` sees bridged packets meet IP rules when br_netfilter is on", () => {
    const table = tableOf("ip", [[meta("iifname", "fairway0"), meta("oifname", "fairway0"), drop]]);
    assert.deepEqual(findObstacles([table], HOST_VIEW), []);
    assert.match(findObstacles([table], { ...HOST_VIEW, bridgedMeetRules: true })[0]!.text, /between containers \(fairway0\)$/);
  });

  test("`findObstacles()` follows frames from port to port through tables of the family bridge alone", () => {
    const [finding, ...rest] = find(tableOf("bridge", [], { policy: "drop" }));
    assert.deepEqual(rest, []);
    assert.match(finding!.text, /table bridge t drops packets between containers/);
    assert.equal(finding!.wayOut, 'nft insert rule bridge t FORWARD iifname "veth*" accept');
    assert.deepEqual(find(tableOf("bridge", [[meta("iifname", "veth*"), accept]], { policy: "drop" })), []);
  });

  test("`findObstacles()` looks at a network to come when there is none", () => {
    const [finding] = findObstacles([recorded("dockerd-20.10")], { ...HOST_VIEW, bridges: [] });
    assert.match(finding!.text, /\(of any network made here\)$/);
    assert.match(finding!.wayOut, /DOCKER-USER iifname "<bridge>" accept/);
  });

  test("`findObstacles()` asks once for all bridges that rules treat alike", () => {
    const bridges = Array.from({ length: 1000 }, (_, at) => ({ name: `br-${at}`, addresses: [`10.${at >> 8}.${at & 255}.1/24`] }));
    const [finding] = findObstacles([tableOf("ip", [[meta("iifname", "br-7"), accept]], { policy: "drop" })], { ...HOST_VIEW, bridges });
    assert.match(finding!.text, /\(br-0, br-1 and 998 more bridges\)$/);
  });
});

test("`firewallChecks()` fails for what is certain, warns for the rest, and is content without", () => {
  assert.deepEqual(
    firewallChecks([]).map(({ name, status }) => [name, status]),
    [["firewall", "ok"]],
  );
  const statuses = (table: ReturnType<typeof recorded>) => firewallChecks(find(table)).map(({ name, status }) => [name, status]);
  assert.deepEqual(statuses(recorded("ufw")), [
    ["firewall-forward", "fail"],
    ["firewall-input", "warn"],
  ]);
  assert.deepEqual(statuses(tableOf("ip", [[{ xt: { type: "match", name: "set" } }, drop]])), [["firewall-forward", "warn"]]);
  assert.deepEqual(statuses(tableOf("ip", [[payload("tcp", "dport", 25), drop]])), [
    ["firewall-filters", "ok"],
    ["firewall", "ok"],
  ]);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { isolate } from "#kernel/netns";
import type { ElementItem, SetName } from "../types.ts";
import { NftFirewall } from "./nft-firewall.ts";
import { run, sysctl, TrafficLab } from "./traffic-lab.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const options = { skip: isolated ? false : "needs root" };
const lab = new TrafficLab();

const item = (set: SetName, key: string[], value?: string[]): ElementItem => ({ type: "element", set, key, ...(value ? { value } : {}) });
const firewall = isolated ? new NftFirewall() : undefined;
function apply(action: "create" | "delete", items: readonly ElementItem[]): void {
  const { failure } = firewall!.elements(items.map((item) => (action === "create" ? { action, item } : { action, before: item })));
  if (failure) throw failure.error;
}

function network(name: string, index: number, inbound: string, extra: readonly ElementItem[] = [], icc = true): ElementItem[] {
  lab.bridge(name, `10.${index}.0.1/24`, `fd00:${index}::1/64`);
  return [
    item("bridges", [name]),
    item("within", [name, name], [icc ? "accept" : "drop"]),
    item("inbound", [name], ["goto", inbound]),
    ...extra,
  ];
}
const member = (name: string, bridge: string, index: number, host: number) =>
  lab.container(name, { bridge, v4: `10.${index}.0.${host}`, v6: `fd00:${index}::${host}` });
const masquerade = (name: string) => [item("masquerade4", [name]), item("masquerade6", [name])];

before(async () => {
  if (!isolated) return;
  run("ip link set lo up");
  sysctl("net/ipv6/conf/default/accept_dad", "0");
  sysctl("net/ipv4/ip_forward", "1");
  sysctl("net/ipv6/conf/all/forwarding", "1");
  brNetfilter("0");
  firewall!.load();
  lab.outside("out", "up0", { ours4: "198.51.100.1", theirs4: "198.51.100.2", ours6: "2001:db8:1::1", theirs6: "2001:db8:1::2" });
  lab.outside("friend", "up1", { ours4: "198.51.101.1", theirs4: "198.51.101.2", ours6: "2001:db8:2::1", theirs6: "2001:db8:2::2" });
  const inside = [
    ...network("nat1", 1, "nat_in", masquerade("nat1")),
    ...network("nat2", 2, "nat_in", masquerade("nat2")),
    ...network("closed", 3, "nat_in", [item("internal", ["closed"])]),
    ...network("routed", 4, "routed_in"),
    ...network("open", 5, "open_in", masquerade("open")),
    ...network(
      "noicc",
      6,
      "nat_in",
      [...masquerade("noicc"), item("no_icc", ["v-n1"]), item("no_icc", ["v-n2"]), item("no_icc", ["v-n3"])],
      false,
    ),
    ...network("snat", 7, "nat_in", [item("snat4", ["snat"], ["198.51.100.77"]), item("snat6", ["snat"], ["2001:db8:1::77"])]),
    ...network("mixed", 8, "nat_routed_in"),
  ];
  for (const [name, bridge, index, host] of [
    ["a1", "nat1", 1, 2],
    ["a2", "nat1", 1, 3],
    ["b1", "nat2", 2, 2],
    ["i1", "closed", 3, 2],
    ["i2", "closed", 3, 3],
    ["r1", "routed", 4, 2],
    ["o1", "open", 5, 2],
    ["n1", "noicc", 6, 2],
    ["n2", "noicc", 6, 3],
    ["n3", "noicc", 6, 4],
    ["s1", "snat", 7, 2],
    ["m1", "mixed", 8, 2],
  ] as const)
    member(name, bridge, index, host);
  run("ip addr add 198.51.100.77/32 dev up0; ip -6 addr add 2001:db8:1::77/128 dev up0 nodad preferred_lft 0");
  const published = (proto: string, address: string, port: string, to: string, toPort: string) =>
    item(to.includes(":") ? "publish6" : "publish4", [proto, address, port], [to, toPort]);
  apply("create", [
    ...inside,
    item("trusted", ["up1", "nat1"]),
    published("tcp", "0.0.0.0/0", "8080", "10.1.0.2", "80"),
    published("udp", "0.0.0.0/0", "8080", "10.1.0.2", "80"),
    published("tcp", "::/0", "8080", "fd00:1::2", "80"),
    published("udp", "::/0", "8080", "fd00:1::2", "80"),
    published("tcp", "198.51.100.1", "8081", "10.1.0.3", "80"),
    published("tcp", "2001:db8:1::1", "8081", "fd00:1::3", "80"),
    published("tcp", "127.0.0.1", "8082", "10.1.0.2", "80"),
    published("tcp", "0.0.0.0/0", "8083", "10.2.0.2", "80"),
    published("tcp", "0.0.0.0/0", "8084", "10.4.0.2", "81"),
    published("tcp", "0.0.0.0/0", "8085", "10.3.0.2", "80"),
    published("tcp", "0.0.0.0/0", "8086", "10.6.0.2", "80"),
    published("udp", "0.0.0.0/0", "8086", "10.6.0.2", "80"),
    published("tcp", "::/0", "8086", "fd00:6::2", "80"),
    item("publish_range4", ["udp", "0.0.0.0/0", "9000-9100"], ["10.1.0.2"]),
    item("publish_range4", ["tcp", "198.51.100.1", "9000-9100"], ["10.1.0.3"]),
    item("publish_range6", ["tcp", "::/0", "9000-9100"], ["fd00:1::2"]),
    item("open4", ["routed", "tcp", "10.4.0.2", "80"]),
    item("open6", ["routed", "tcp", "fd00:4::2", "80"]),
    item("open4", ["routed", "udp", "10.4.0.2", "9000-9010"]),
    item("open6", ["mixed", "tcp", "fd00:8::2", "80"]),
    item("links4", ["10.6.0.2", "10.6.0.3", "tcp", "80"]),
    item("links6", ["fd00:6::2", "fd00:6::3", "tcp", "80"]),
  ]);
  for (const host of ["a1", "a2", "b1", "i1", "i2", "r1", "o1", "n1", "n2", "n3", "s1", "m1", "out", "friend"]) lab.serve(host, "tcp", 80);
  for (const host of ["a1", "n1", "out"]) lab.serve(host, "udp", 80);
  for (const host of ["a1", "r1"]) lab.serve(host, "udp", 9005);
  for (const host of ["a1", "a2"]) lab.serve(host, "tcp", 9005);
  lab.serve("r1", "tcp", 81);
  // Things on the host itself that must stay what they are.
  lab.serve("host", "tcp", 7000);
  await lab.listening();
});

after(() => {
  lab.close();
  firewall?.[Symbol.dispose]();
});

type Row = readonly [from: string, proto: "tcp" | "udp", address: string, port: number, answer: string];
async function rows(table: readonly Row[]): Promise<void> {
  const seen = await Promise.all(
    table.map(([from, proto, address, port, answer]) => lab.ask(from, proto, address, port, answer === "blocked" ? 1 : 10)),
  );
  assert.deepEqual(
    table.map(([from, proto, address, port], at) => `${from} ${proto} ${address} ${port}: ${seen[at]}`),
    table.map(([from, proto, address, port, answer]) => `${from} ${proto} ${address} ${port}: ${answer}`),
  );
}

function brNetfilter(value: "0" | "1"): void {
  for (const name of ["iptables", "ip6tables"]) sysctl(`net/bridge/bridge-nf-call-${name}`, value);
}

/** A test of its own with br_netfilter off, and one with it on: then `inet fairway` sees bridged frames too. */
function eitherWay(title: string, body: () => Promise<void>): void {
  for (const value of ["0", "1"] as const) {
    test(`${title} (br_netfilter ${value})`, options, async () => {
      brNetfilter(value);
      await body().finally(() => brNetfilter("0"));
    });
  }
}

test("published ports are reached from outside, and the client's address is kept", options, () =>
  rows([
    ["out", "tcp", "198.51.100.1", 8080, "a1 198.51.100.2"],
    ["out", "udp", "198.51.100.1", 8080, "a1 198.51.100.2"],
    ["out", "tcp", "2001:db8:1::1", 8080, "a1 2001:db8:1::2"],
    ["out", "udp", "2001:db8:1::1", 8080, "a1 2001:db8:1::2"],
    ["out", "tcp", "198.51.100.1", 8081, "a2 198.51.100.2"],
    ["out", "tcp", "2001:db8:1::1", 8081, "a2 2001:db8:1::2"],
    ["out", "tcp", "198.51.101.1", 8081, "blocked"],
    ["out", "udp", "198.51.100.1", 9005, "a1 198.51.100.2"],
    ["out", "tcp", "198.51.100.1", 9005, "a2 198.51.100.2"],
    ["out", "tcp", "2001:db8:1::1", 9005, "a1 2001:db8:1::2"],
    ["out", "tcp", "198.51.100.1", 7000, "host 198.51.100.2"],
  ]),
);

test("containers cannot be reached from outside by their own addresses, unless the interface is trusted", options, () =>
  rows([
    ["out", "tcp", "10.1.0.2", 80, "blocked"],
    ["out", "udp", "10.1.0.2", 80, "blocked"],
    ["out", "tcp", "fd00:1::2", 80, "blocked"],
    ["friend", "tcp", "10.1.0.2", 80, "a1 198.51.101.2"],
    ["friend", "tcp", "fd00:1::2", 80, "a1 2001:db8:2::2"],
    ["friend", "tcp", "10.2.0.2", 80, "blocked"],
  ]),
);

test("a container's traffic to the outside is masqueraded, or has the network's own source", options, () =>
  rows([
    ["a1", "tcp", "198.51.100.2", 80, "out 198.51.100.1"],
    ["a1", "udp", "198.51.100.2", 80, "out 198.51.100.1"],
    ["a1", "tcp", "2001:db8:1::2", 80, "out 2001:db8:1::1"],
    ["s1", "tcp", "198.51.100.2", 80, "out 198.51.100.77"],
    ["s1", "tcp", "2001:db8:1::2", 80, "out 2001:db8:1::77"],
    ["r1", "tcp", "198.51.100.2", 80, "out 10.4.0.2"],
    ["r1", "tcp", "2001:db8:1::2", 80, "out fd00:4::2"],
  ]),
);

test("forwarded traffic that touches no bridge of ours passes untouched", options, () =>
  rows([
    ["out", "tcp", "198.51.101.2", 80, "friend 198.51.100.2"],
    ["out", "tcp", "2001:db8:2::2", 80, "friend 2001:db8:1::2"],
  ]),
);

test("the host reaches published ports by its loopback and by its own addresses", options, () =>
  rows([
    ["host", "tcp", "127.0.0.1", 8080, "a1 10.1.0.1"],
    ["host", "udp", "127.0.0.1", 8080, "a1 10.1.0.1"],
    ["host", "tcp", "127.0.0.1", 8082, "a1 10.1.0.1"],
    ["host", "tcp", "198.51.100.1", 8080, "a1 198.51.100.1"],
    ["host", "udp", "127.0.0.1", 9005, "a1 10.1.0.1"],
    ["host", "tcp", "2001:db8:1::1", 8080, "a1 2001:db8:1::1"],
    ["host", "tcp", "10.1.0.2", 80, "a1 10.1.0.1"],
    ["host", "tcp", "127.0.0.1", 7000, "host 127.0.0.1"],
  ]),
);

eitherWay("a published port is reached from its own container, a peer and another bridge", () =>
  rows([
    ["a1", "tcp", "198.51.100.1", 8080, "a1 10.1.0.1"],
    ["a2", "tcp", "198.51.100.1", 8080, "a1 10.1.0.1"],
    ["a2", "tcp", "10.1.0.1", 8080, "a1 10.1.0.1"],
    ["a2", "tcp", "2001:db8:1::1", 8080, "a1 fd00:1::1"],
    ["b1", "tcp", "198.51.100.1", 8080, "a1 10.1.0.1"],
    ["a1", "tcp", "198.51.100.1", 8083, "b1 10.2.0.1"],
    // Not masqueraded: only what comes back to its own bridge loses its address.
    ["r1", "tcp", "198.51.100.1", 8084, "r1 10.4.0.1"],
    ["r1", "tcp", "198.51.100.1", 8080, "a1 10.4.0.2"],
    ["n2", "tcp", "198.51.100.1", 8086, "n1 10.6.0.1"],
  ]),
);

eitherWay("bridges are isolated from one another, members of one are not", () =>
  rows([
    ["a1", "tcp", "10.2.0.2", 80, "blocked"],
    ["a1", "tcp", "fd00:2::2", 80, "blocked"],
    ["a1", "tcp", "10.1.0.3", 80, "a2 10.1.0.2"],
    ["a1", "tcp", "fd00:1::3", 80, "a2 fd00:1::2"],
    ["a1", "tcp", "10.5.0.2", 80, "o1 10.5.0.1"],
  ]),
);

eitherWay("an internal network reaches nothing and is reached by nothing, save its members and the host", () =>
  rows([
    ["i1", "tcp", "10.3.0.3", 80, "i2 10.3.0.2"],
    ["i1", "tcp", "198.51.100.2", 80, "blocked"],
    ["i1", "tcp", "10.1.0.2", 80, "blocked"],
    ["i1", "tcp", "198.51.100.1", 8080, "blocked"],
    ["out", "tcp", "198.51.100.1", 8085, "blocked"],
    ["out", "tcp", "10.3.0.2", 80, "blocked"],
    ["a1", "tcp", "10.3.0.2", 80, "blocked"],
    ["host", "tcp", "10.3.0.2", 80, "i1 10.3.0.1"],
  ]),
);

eitherWay("routed mode lets open ports and ICMP in; nat-unprotected lets everything in; mixed goes by family", async () => {
  await rows([
    ["out", "tcp", "10.4.0.2", 80, "r1 198.51.100.2"],
    ["out", "tcp", "fd00:4::2", 80, "r1 2001:db8:1::2"],
    ["out", "tcp", "10.4.0.2", 81, "blocked"],
    ["out", "udp", "10.4.0.2", 9005, "r1 198.51.100.2"],
    ["a1", "tcp", "10.4.0.2", 80, "r1 10.4.0.1"],
    ["out", "tcp", "10.5.0.2", 80, "o1 198.51.100.2"],
    ["out", "tcp", "fd00:5::2", 80, "o1 2001:db8:1::2"],
    ["out", "tcp", "10.8.0.2", 80, "blocked"],
    ["out", "tcp", "fd00:8::2", 80, "m1 2001:db8:1::2"],
  ]);
  assert.deepEqual(
    await Promise.all(["10.4.0.2", "fd00:4::2", "10.1.0.2", "10.8.0.2", "fd00:8::2"].map((address) => lab.ping("out", address))),
    [true, true, false, false, true],
  );
});

eitherWay("icc=false parts the members, save for links and published ports", async () => {
  await rows([
    ["n1", "tcp", "10.6.0.3", 80, "n2 10.6.0.2"],
    ["n1", "tcp", "fd00:6::3", 80, "n2 fd00:6::2"],
    ["n2", "tcp", "10.6.0.2", 80, "blocked"],
    ["n1", "tcp", "10.6.0.4", 80, "blocked"],
    ["n3", "tcp", "fd00:6::2", 80, "blocked"],
    ["n1", "tcp", "198.51.100.2", 80, "out 198.51.100.1"],
    ["out", "tcp", "198.51.100.1", 8086, "n1 198.51.100.2"],
    ["n2", "tcp", "198.51.100.1", 8086, "n1 10.6.0.1"],
    ["n2", "tcp", "10.6.0.1", 8086, "n1 10.6.0.1"],
    ["n2", "udp", "198.51.100.1", 8086, "n1 10.6.0.1"],
    ["n1", "tcp", "198.51.100.1", 8086, "n1 10.6.0.1"],
    ["n2", "tcp", "2001:db8:1::1", 8086, "n1 fd00:6::1"],
    ["n2", "tcp", "fd00:6::1", 8086, "n1 fd00:6::1"],
    ["a1", "tcp", "10.1.0.3", 80, "a2 10.1.0.2"],
    ["a1", "tcp", "198.51.100.1", 8080, "a1 10.1.0.1"],
    ["a2", "tcp", "198.51.100.1", 8080, "a1 10.1.0.1"],
    ["i1", "tcp", "10.3.0.3", 80, "i2 10.3.0.2"],
  ]);
  assert.deepEqual(await Promise.all([lab.ping("n1", "10.6.0.3"), lab.ping("a1", "fd00:1::3"), lab.ping("n1", "10.6.0.1")]), [
    false,
    true,
    true,
  ]);
});

eitherWay("icc=false cannot be gone around through the gateway", async () => {
  run("ip -n n1 route add 10.6.0.4/32 via 10.6.0.1");
  await rows([["n1", "tcp", "10.6.0.4", 80, "blocked"]]);
  run("ip -n n1 route del 10.6.0.4/32");
});

test("what is published on 127.0.0.1 is out of reach of the network and of containers, whatever they route to us", options, async () => {
  for (const [host, via] of [
    ["out", "198.51.100.1"],
    ["a1", "10.1.0.1"],
  ]) {
    run(`ip netns exec ${host} sysctl -qw net.ipv4.conf.all.route_localnet=1
      ip -n ${host} addr del 127.0.0.1/8 dev lo
      ip -n ${host} route add 127.0.0.0/8 via ${via}`);
  }
  try {
    await rows([
      ["out", "tcp", "198.51.100.1", 8082, "blocked"],
      ["out", "tcp", "127.0.0.1", 8082, "blocked"],
      ["out", "tcp", "127.0.0.1", 8080, "blocked"],
      ["a1", "tcp", "127.0.0.1", 8082, "blocked"],
      ["a1", "tcp", "127.0.0.1", 7000, "blocked"],
      ["a1", "tcp", "10.1.0.1", 8082, "blocked"],
    ]);
    // Even where an administrator lets loopback addresses in from the uplink.
    sysctl("net/ipv4/conf/up0/route_localnet", "1");
    await rows([["out", "tcp", "127.0.0.1", 8082, "blocked"]]);
  } finally {
    sysctl("net/ipv4/conf/up0/route_localnet", "0");
    for (const host of ["out", "a1"]) run(`ip -n ${host} route del 127.0.0.0/8; ip -n ${host} addr add 127.0.0.1/8 dev lo`);
  }
});

test("the `user` chain comes first and, like elements and connections, survives a reload", options, async () => {
  run("nft add rule inet fairway user ip saddr 198.51.100.2 tcp dport 80 drop");
  await rows([["out", "tcp", "198.51.100.1", 8080, "blocked"]]);
  const [before, client] = [run("nft list table inet fairway; nft list table bridge fairway"), run("nft -a list chain inet fairway user")];
  firewall!.load();
  assert.equal(run("nft list table inet fairway; nft list table bridge fairway"), before);
  await rows([["out", "tcp", "198.51.100.1", 8080, "blocked"]]);
  run(`nft delete rule inet fairway user handle ${/handle (\d+)\n\t}/.exec(client)![1]}`);

  const echo = spawn("ip", ["netns", "exec", "a1", "socat", "TCP4-LISTEN:90,reuseaddr", "EXEC:cat"], { stdio: "ignore" });
  apply("create", [item("publish4", ["tcp", "0.0.0.0/0", "8090"], ["10.1.0.2", "90"])]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const talk = spawn("ip", ["netns", "exec", "out", "socat", "-", "TCP4:198.51.100.1:8090"], { stdio: ["pipe", "pipe", "ignore"] });
  const line = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no echo of ${text}`)), 3000);
      talk.stdout!.once("data", (data) => {
        clearTimeout(timer);
        resolve(String(data).trim());
      });
      talk.stdin!.write(`${text}\n`);
    });
  try {
    assert.equal(await line("one"), "one");
    firewall!.load();
    assert.equal(await line("two"), "two");
    apply("delete", [item("publish4", ["tcp", "0.0.0.0/0", "8090"])]);
    assert.equal(await line("three"), "three");
    // Talking all the while the ruleset is gone.
    run("nft flush ruleset");
    assert.equal(await line("four"), "four");
    firewall!.load();
    assert.equal(await line("five"), "five");
  } finally {
    talk.kill("SIGKILL");
    echo.kill("SIGKILL");
  }
});

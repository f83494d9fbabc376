import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { test } from "node:test";
import { inetAddress, openUdp, SOL_SOCKET, type Socket } from "#kernel/ffi";
import { createNamespace, enter, isolate, removeNamespaceDirectory } from "#kernel/netns";
import { listRuleset, NftSocket, type SandboxTableSpec, setSandboxTables } from "./mod.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const options = { skip: isolated ? false : "needs root" };
const sh = (command: string) => execFileSync("sh", ["-ec", command], { encoding: "utf8" });

function withNamespace(name: string, act: (ns: string) => void | Promise<void>) {
  return async () => {
    const ns = `/run/netns/${name}`;
    createNamespace(ns);
    sh(`ip -n ${name} link set lo up`);
    try {
      await act(ns);
    } finally {
      removeNamespaceDirectory("/run/netns");
    }
  };
}

const apply = (ns: string, spec: SandboxTableSpec | undefined) => {
  using socket = NftSocket.open(ns);
  setSandboxTables(socket, spec);
};
const addressOf = ({ localAddress }: Socket) => localAddress as { address: string; port: number };

/** Loopback delivers within send(2). */
function exchange(client: Socket, server: Socket, to: string, port: number): { asked: unknown; answered: unknown } {
  const buffer = new Uint8Array(64);
  client.sendTo(Buffer.from("who"), inetAddress(to, port));
  const question = server.receiveFrom(buffer);
  if (!question) return { asked: undefined, answered: undefined };
  const from = question.from as { address: string; port: number };
  server.sendTo(Buffer.from("me"), inetAddress(from.address, from.port));
  return { asked: from, answered: client.receiveFrom(buffer)?.from };
}

test(
  "`setSandboxTables()` leads 127.0.0.11:53 to the embedded server, whose replies come from :53",
  options,
  withNamespace("dns", (ns) => {
    using server = enter(ns, () => openUdp({ address: "127.0.0.11", port: 0 }));
    using client = enter(ns, () => openUdp({ address: "0.0.0.0", port: 0 }));
    using own = enter(ns, () => openUdp({ address: "0.0.0.0", port: 53 }));
    using elsewhere = enter(ns, () => openUdp({ address: "127.0.0.7", port: 0 }));
    using high = enter(ns, () => openUdp({ address: "127.0.0.12", port: addressOf(server).port }));
    const { port } = addressOf(server);
    apply(ns, { dns: { address: "127.0.0.11", udpPort: port, tcpPort: port } });
    const { asked, answered } = exchange(client, server, "127.0.0.11", 53);
    assert.deepEqual(asked, { family: "ip", address: "127.0.0.1", port: addressOf(client).port });
    assert.deepEqual(answered, { family: "ip", address: "127.0.0.11", port: 53 });
    assert.deepEqual(exchange(elsewhere, server, "127.0.0.11", 53), {
      asked: addressOf(elsewhere),
      answered: { family: "ip", address: "127.0.0.11", port: 53 },
    });
    // A server of the container's own on 0.0.0.0:53 is reached by every other address, and one on our port at another address is left alone.
    assert.deepEqual(exchange(client, own, "127.0.0.1", 53).answered, { family: "ip", address: "127.0.0.1", port: 53 });
    assert.deepEqual(exchange(client, high, "127.0.0.12", port).answered, addressOf(high));
    assert.equal(sh("ip netns exec dns cat /proc/net/stat/nf_conntrack | tail -n +2 | cut -d' ' -f1 | sort -u").trim(), "00000000");
  }),
);

const SO_NO_CHECK = 11;

test(
  "`setSandboxTables()` mends the checksums it has to, and invents none",
  options,
  withNamespace("sums", (ns) => {
    // So small a loopback makes the kernel sum long datagrams itself before the rules see them.
    sh("ip -n sums link set lo mtu 1280");
    using server = enter(ns, () => openUdp({ address: "127.0.0.11", port: 0 }));
    using client = enter(ns, () => openUdp({ address: "127.0.0.1", port: 0 }));
    using unsummed = enter(ns, () => openUdp({ address: "127.0.0.1", port: 0 }));
    unsummed.setOption(SOL_SOCKET, SO_NO_CHECK, 1);
    const { port } = addressOf(server);
    apply(ns, { dns: { address: "127.0.0.11", udpPort: port, tcpPort: port } });
    const buffer = Buffer.alloc(8192);
    for (const from of [client, unsummed]) {
      for (const size of [10, 1232, 1400, 4000]) {
        from.sendTo(Buffer.alloc(size, size), inetAddress("127.0.0.11", 53));
        assert.equal(server.receiveFrom(buffer)?.length, size);
        server.sendTo(Buffer.alloc(size, 7), inetAddress("127.0.0.1", addressOf(from).port));
        assert.deepEqual(from.receiveFrom(buffer)?.from, { family: "ip", address: "127.0.0.11", port: 53 });
      }
    }
  }),
);

for (const tcpPort of [4053, 4054]) {
  test(
    `\`setSandboxTables()\` leads TCP there too, ${tcpPort === 4053 ? "by the same port" : "by another port"}`,
    options,
    withNamespace("tcp", async (ns) => {
      using server = enter(ns, () => openUdp({ address: "127.0.0.11", port: 4053 }));
      using client = enter(ns, () => openUdp({ address: "127.0.0.1", port: 0 }));
      apply(ns, { dns: { address: "127.0.0.11", udpPort: 4053, tcpPort } });
      assert.deepEqual(exchange(client, server, "127.0.0.11", 53).answered, { family: "ip", address: "127.0.0.11", port: 53 });
      const listen = `TCP4-LISTEN:${tcpPort},bind=127.0.0.11,reuseaddr,fork`;
      const echo = spawn("ip", ["netns", "exec", "tcp", "socat", listen, "SYSTEM:cat"]);
      try {
        for (let tries = 0; tries < 50 && !sh("ip netns exec tcp ss -Hltn").includes(String(tcpPort)); tries++)
          await new Promise((done) => setTimeout(done, 20));
        const sent = "q".repeat(100_000);
        const socat = ["netns", "exec", "tcp", "socat", "-t2", "-T2", "-", "TCP4:127.0.0.11:53"];
        assert.equal(execFileSync("ip", socat, { input: sent, encoding: "utf8" }), sent);
      } finally {
        echo.kill("SIGKILL");
      }
    }),
  );
}

const tablesOf = (ns: string) => listRuleset(ns).replace(/\s+/g, " ").trim();

test(
  "`setSandboxTables()` replaces what was there, whatever that was",
  options,
  withNamespace("twice", (ns) => {
    const dns = { address: "127.0.0.11", udpPort: 40001, tcpPort: 40001 };
    const redirects = [
      { proto: "tcp", from: "8080", to: 80 },
      { proto: "udp", from: "9000-9003", to: 53 },
      { proto: "tcp", from: "443", to: 443 },
    ] as const;
    const specs: readonly SandboxTableSpec[] = [{ dns }, { redirects }, { dns, redirects }, { dns: { ...dns, tcpPort: 40002 } }, {}];
    const alone = specs.map((spec) => {
      apply(ns, undefined);
      apply(ns, spec);
      return tablesOf(ns);
    });
    for (const [before, first] of specs.entries()) {
      for (const [after, second] of specs.entries()) {
        apply(ns, first);
        apply(ns, second);
        assert.equal(tablesOf(ns), alone[after], `${before} then ${after}`);
      }
    }
    const [dnsOnly, lanOnly, , twoPorts] = alone as [string, string, string, string];
    const rule = "ip daddr 127.0.0.11 meta l4proto 6-17 th dport 53 th dport set 40001 notrack accept";
    assert.ok(dnsOnly.includes(`type filter hook output priority raw; policy accept; ${rule} `), dnsOnly);
    assert.match(dnsOnly, /ip saddr 127\.0\.0\.11 meta l4proto 6-17 th sport 40001 th sport set 53 notrack accept/);
    assert.match(
      twoPorts,
      /l4proto 17-17 th dport 53 th dport set 40001 notrack accept .*l4proto 6-6 th dport 53 th dport set 40002 notrack accept/,
    );
    assert.match(lanOnly, /fib daddr type local redirect to :meta l4proto \. th dport map @redirects/);
    assert.match(lanOnly, /tcp \. 8080 : 80/);
    assert.match(lanOnly, /udp \. 9003 : 56/);
    assert.doesNotMatch(lanOnly, /443/);
    apply(ns, undefined);
    assert.equal(listRuleset(ns), "");
  }),
);

test(
  "`setSandboxTables()` redirects published ports of a LAN container to the ports it listens on",
  options,
  withNamespace("lan", async (ns) => {
    sh(
      "ip link add lan0 type veth peer name eth0 netns lan; ip addr add 192.0.2.1/24 dev lan0; ip link set lan0 up; ip -n lan addr add 192.0.2.2/24 dev eth0; ip -n lan link set eth0 up",
    );
    using server = enter(ns, () => openUdp({ address: "0.0.0.0", port: 53 }));
    using client = openUdp({ address: "192.0.2.1", port: 0 });
    apply(ns, { redirects: [{ proto: "udp", from: "5300-5301", to: 52 }] });
    const buffer = new Uint8Array(16);
    let question: ReturnType<Socket["receiveFrom"]>;
    for (let tries = 0; tries < 50 && !question; tries++) {
      client.sendTo(Buffer.from("q"), inetAddress("192.0.2.2", 5301));
      await new Promise((done) => setTimeout(done, 20));
      question = server.receiveFrom(buffer);
    }
    const from = question!.from as { address: string; port: number };
    assert.equal(from.address, "192.0.2.1");
    server.sendTo(Buffer.from("a"), inetAddress(from.address, from.port));
    await new Promise((done) => setTimeout(done, 20));
    assert.equal((client.receiveFrom(buffer)!.from as { port: number }).port, 5301);
    sh("ip link del lan0");
  }),
);

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { test } from "node:test";
import { inetAddress, openUdp, type Socket } from "#kernel/ffi";
import { createNamespace, enter, isolate, removeNamespaceDirectory } from "#kernel/netns";
import { hasSandboxTable, listRuleset, NftSocket, type SandboxTableSpec, sandboxTable } from "./mod.ts";

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
  socket.transaction(sandboxTable(spec));
};
const has = (ns: string, spec: SandboxTableSpec | undefined) => {
  using socket = NftSocket.open(ns);
  return hasSandboxTable(socket, spec);
};

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
  "`sandboxTable()` leads 127.0.0.11:53 to the embedded server, whose replies come from :53",
  options,
  withNamespace("dns", async (ns) => {
    using server = enter(ns, () => openUdp({ address: "127.0.0.11", port: 0 }));
    using client = enter(ns, () => openUdp({ address: "0.0.0.0", port: 0 }));
    using other = enter(ns, () => openUdp({ address: "0.0.0.0", port: 53 }));
    const { port } = server.localAddress as { port: number };
    const spec = { dns: { address: "127.0.0.11", udpPort: port, tcpPort: 4053 } };
    apply(ns, spec);
    const { asked, answered } = exchange(client, server, "127.0.0.11", 53);
    assert.equal((asked as { address: string }).address, "127.0.0.1");
    assert.deepEqual(answered, { ...(answered as object), address: "127.0.0.11", port: 53 });
    // A server of the container's own on 0.0.0.0:53 is reached by every other address.
    assert.equal((exchange(client, other, "127.0.0.1", 53).answered as { port: number }).port, 53);

    const echo = spawn("ip", [
      "netns",
      "exec",
      "dns",
      "socat",
      "TCP4-LISTEN:4053,bind=127.0.0.11,reuseaddr,fork",
      "SYSTEM:read line; echo tcp",
    ]);
    try {
      for (let tries = 0; tries < 50 && !sh("ip netns exec dns ss -Hltn").includes("4053"); tries++)
        await new Promise((done) => setTimeout(done, 20));
      assert.equal(sh("echo q | ip netns exec dns socat -t2 -T2 - TCP4:127.0.0.11:53"), "tcp\n");
    } finally {
      echo.kill("SIGKILL");
    }
  }),
);

test(
  "`sandboxTable()` replaces what was there, and `hasSandboxTable()` tells a changed table from the wanted one",
  options,
  withNamespace("twice", (ns) => {
    const dns = { address: "127.0.0.11", udpPort: 40001, tcpPort: 40002 };
    const both: SandboxTableSpec = {
      dns,
      redirects: [
        { proto: "tcp", from: "8080", to: 80 },
        { proto: "udp", from: "9000-9003", to: 53 },
        { proto: "tcp", from: "443", to: 443 },
      ],
    };
    assert.equal(has(ns, undefined), true);
    apply(ns, { dns: { ...dns, udpPort: 1 } });
    assert.equal(has(ns, { dns }), false);
    apply(ns, both);
    apply(ns, both);
    assert.equal(has(ns, both), true);
    assert.equal(has(ns, { dns }), false);
    const text = listRuleset(ns);
    assert.match(text, /ip daddr 127\.0\.0\.11 udp dport 53 dnat ip to 127\.0\.0\.11:40001/);
    assert.match(text, /fib daddr type local redirect to :meta l4proto \. th dport map @redirects/);
    assert.match(text, /tcp \. 8080 : 80/);
    assert.match(text, /udp \. 9003 : 56/);
    assert.doesNotMatch(text, /443/);
    sh("ip netns exec twice nft flush chain inet fairway output");
    assert.equal(has(ns, both), false);
    apply(ns, both);
    sh("ip netns exec twice nft delete element inet fairway redirects '{ tcp . 8080 }'");
    assert.equal(has(ns, both), false);
    apply(ns, { dns });
    assert.equal(has(ns, { dns }), true);
    apply(ns, { redirects: [{ proto: "tcp", from: "443", to: 443 }] });
    assert.equal(listRuleset(ns), "");
    apply(ns, undefined);
    assert.equal(has(ns, undefined), true);
  }),
);

test(
  "`sandboxTable()` redirects published ports of a LAN container to the ports it listens on",
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

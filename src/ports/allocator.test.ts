import assert from "node:assert/strict";
import { it } from "node:test";
import { FairwayError } from "#base";
import { type HostPortReserver, noReserver, PortAllocator } from "./allocator.ts";
import { planPorts } from "./plan.ts";
import type { PortBinding, PortRequest } from "./types.ts";

const bind = (hostPort: string, hostIp = ""): PortBinding => ({ hostIp, hostPort });
const on = (spec: string, ...bindings: PortBinding[]) => planPorts({ bindings: { [spec]: bindings } });
const web = { id: "a".repeat(64), name: "web" };
const db = { id: "b".repeat(64), name: "db" };
const allocator = (options = {}) => new PortAllocator({ reserver: noReserver, ephemeral: { from: 32768, to: 32770 }, ...options });

const says = (code: string, message: string) => (error: unknown) => {
  assert.ok(error instanceof FairwayError, String(error));
  assert.deepEqual([error.category, error.code, error.message], ["internal", code, message]);
  return true;
};

/** A host on which some ports are taken, that counts what is reserved. */
class FakeHost implements HostPortReserver {
  readonly taken = new Map<string, string>();
  readonly reserved: string[] = [];
  reserve(proto: string, ip: string, from: number, to: number): Disposable {
    for (let port = from; port <= to; port++) {
      const code = this.taken.get(`${ip}:${port}/${proto}`) ?? this.taken.get(ip);
      if (code) throw Object.assign(new Error(code), { code });
    }
    const name = `${ip}:${from}-${to}/${proto}`;
    this.reserved.push(name);
    return { [Symbol.dispose]: () => void this.reserved.splice(this.reserved.indexOf(name), 1) };
  }
}

it("`allocate()` gives every address of a binding the same port", () => {
  const { ports } = allocator().allocate(web, on("80/tcp", bind("8080")));
  assert.deepEqual(ports, [
    { proto: "tcp", hostIp: "0.0.0.0", hostPort: 8080, hostPortEnd: 8080, containerPort: 80 },
    { proto: "tcp", hostIp: "::", hostPort: 8080, hostPortEnd: 8080, containerPort: 80 },
  ]);
});

it("`allocate()` names the holder when a port is taken, on any address or on one", () => {
  const ports = allocator();
  ports.allocate(web, on("80/tcp", bind("8080"), bind("9090", "10.0.0.1"), bind("7070", "fd00::1")));
  const held = (on = "") => `port is already allocated: it is published${on} by container "web"`;
  const refuse = (binding: PortBinding, message: string) =>
    assert.throws(() => ports.allocate(db, on("80/tcp", binding)), says("port-allocated", message));
  refuse(bind("8080"), `Bind for 0.0.0.0:8080 failed: ${held()}`);
  refuse(bind("8080", "::"), `Bind for [::]:8080 failed: ${held()}`);
  refuse(bind("8080", "10.0.0.1"), `Bind for 10.0.0.1:8080 failed: ${held(" on 0.0.0.0:8080")}`);
  refuse(bind("9090"), `Bind for 0.0.0.0:9090 failed: ${held(" on 10.0.0.1:9090")}`);
  refuse(bind("7070", "::"), `Bind for [::]:7070 failed: ${held(" on [fd00::1]:7070")}`);
  ports.allocate(db, on("80/udp", bind("8080")));
  ports.allocate(db, on("80/tcp", bind("9090", "10.0.0.2"), bind("9090", "::")));
});

it("`allocate()` names the first taken port of a range", () => {
  const ports = allocator();
  ports.allocate(web, on("8005-8006/udp", bind("8005-8006")));
  assert.throws(
    () => ports.allocate(db, on("8000-8010/udp", bind("8000-8010"))),
    says("port-allocated", 'Bind for 0.0.0.0:8005 failed: port is already allocated: it is published by container "web"'),
  );
});

it("`allocate()` takes nothing when any of its requests fails", () => {
  const host = new FakeHost();
  const ports = allocator({ reserver: host });
  ports.allocate(web, on("80/tcp", bind("8081", "::")));
  const before = [...host.reserved];
  const requests = [...on("80/tcp", bind("8080")), ...on("81/tcp", bind("8081"))];
  assert.throws(() => ports.allocate(db, requests), { code: "port-allocated" });
  host.taken.set("::", "EADDRINUSE");
  assert.throws(() => ports.allocate(db, on("80/tcp", bind("8085"))), { code: "port-in-use" });
  assert.deepEqual(host.reserved, before);
  assert.equal(ports.holderOf("tcp", "0.0.0.0", 8080), undefined);
  assert.equal(ports.holderOf("tcp", "0.0.0.0", 8085), undefined);
});

it("`release()` frees the ports on the host too, once", () => {
  const host = new FakeHost();
  const ports = allocator({ reserver: host });
  const lease = ports.allocate(web, on("80/tcp", bind("8080")));
  assert.equal(ports.holderOf("tcp", "127.0.0.1", 8080), web);
  assert.deepEqual(host.reserved, ["0.0.0.0:8080-8080/tcp", ":::8080-8080/tcp"]);
  lease.release();
  const again = ports.allocate(db, on("80/tcp", bind("8080")));
  lease.release();
  assert.equal(ports.holderOf("tcp", "127.0.0.1", 8080), db);
  assert.equal(host.reserved.length, 2);
  again[Symbol.dispose]();
  assert.deepEqual(host.reserved, []);
});

it("`allocate()` says in Docker's words what the host refuses", () => {
  const host = new FakeHost();
  const ports = allocator({ reserver: host });
  const refuse = (code: string, errno: string, spec: string, binding: PortBinding, message: string) => {
    host.taken.set(binding.hostIp, errno);
    assert.throws(() => ports.allocate(web, on(spec, binding)), says(code, message));
  };
  refuse("port-in-use", "EADDRINUSE", "80/tcp", bind("81", "1.2.3.4"), "failed to bind host port 1.2.3.4:81/tcp: address already in use");
  refuse(
    "no-such-address",
    "EADDRNOTAVAIL",
    "80/udp",
    bind("81", "2001:db8::1"),
    "failed to bind host port [2001:db8::1]:81/udp: cannot assign requested address",
  );
  refuse("bind-failed", "EINVAL", "9/tcp", bind("9", "fe80::1"), "failed to bind host port [fe80::1]:9/tcp: invalid argument");
  refuse("bind-failed", "EACCES", "1-9/tcp", bind("1-9", "1.2.3.5"), "failed to bind host port 1.2.3.5:1-9/tcp: permission denied");
  refuse(
    "bind-failed",
    "EPROTONOSUPPORT",
    "80/sctp",
    bind("81", "1.2.3.6"),
    "failed to create socket for 1.2.3.6:81/sctp: protocol not supported",
  );
});

it("`allocate()` and `restore()` name the program that has a port, and ask for it only when that ends the matter", () => {
  const host = new FakeHost();
  const asked: string[] = [];
  const holder = (proto: string, ip: string, from: number, to: number) => {
    asked.push(`${ip}:${from}-${to}/${proto}`);
    return from === 8080 ? "nginx (pid 812)" : undefined;
  };
  const ports = allocator({ reserver: Object.assign(host, { holder }) });
  for (const port of [8080, 8081, 32768]) host.taken.set(`0.0.0.0:${port}/tcp`, "EADDRINUSE");
  const words = "failed to bind host port 0.0.0.0:8080/tcp: address already in use: it is held by nginx (pid 812)";
  assert.throws(() => ports.allocate(web, on("80/tcp", bind("8080"))), says("port-in-use", words));
  assert.throws(() => ports.allocate(web, on("80/tcp", bind("8081"))), /8081\/tcp: address already in use$/);
  assert.equal(ports.allocate(web, on("80/tcp", bind(""))).ports[0]!.hostPort, 32769);
  const published = { proto: "tcp", hostIp: "0.0.0.0", hostPort: 8080, hostPortEnd: 8080, containerPort: 80 } as const;
  assert.equal(ports.restore(web, [published]).lost[0]!.error.message, words);
  assert.deepEqual(asked, ["0.0.0.0:8080-8080/tcp", "0.0.0.0:8081-8081/tcp", "0.0.0.0:8080-8080/tcp"]);
});

it("`allocate()` chooses ephemeral ports one after the other, wraps, and says when none is left", () => {
  const ports = allocator();
  const next = (holder = web) => ports.allocate(holder, on("80/tcp", bind("")));
  const portOf = (lease: { ports: readonly { hostPort: number }[] }) => lease.ports.map(({ hostPort }) => hostPort);
  const first = next();
  assert.deepEqual(portOf(first), [32768, 32768]);
  const second = next();
  assert.deepEqual(portOf(second), [32769, 32769]);
  first.release();
  assert.deepEqual(portOf(next()), [32770, 32770]);
  assert.deepEqual(portOf(next()), [32768, 32768]);
  assert.throws(next, says("ports-exhausted", "all ports are allocated: no tcp port from 32768 to 32770 is free on 0.0.0.0 and ::"));
  second.release();
  assert.deepEqual(portOf(next()), [32769, 32769]);
});

it("`allocate()` keeps ephemeral ports off reserved ones and those the host has taken on either address", () => {
  const host = new FakeHost();
  host.taken.set(":::32769/tcp", "EADDRINUSE");
  const ports = allocator({
    reserver: host,
    ephemeral: { from: 32768, to: 32799 },
    reserved: [
      { from: 32770, to: 32779 },
      { from: 32775, to: 32780 },
    ],
  });
  const given = [1, 2, 3].map(() => ports.allocate(web, on("80/tcp", bind(""))).ports[0]!.hostPort);
  assert.deepEqual(given, [32768, 32781, 32782]);
  assert.equal(host.reserved.length, 6);
});

it("`allocate()` takes the first free port of an explicit range", () => {
  const host = new FakeHost();
  host.taken.set("0.0.0.0:8002/tcp", "EADDRINUSE");
  const ports = allocator({ reserver: host });
  const choose = () => ports.allocate(web, on("80/tcp", bind("8000-8003"))).ports[0]!.hostPort;
  assert.deepEqual([choose(), choose(), choose()], [8000, 8001, 8003]);
  assert.throws(choose, { code: "ports-exhausted" });
});

it("`restore()` holds what it can and tells what is lost", () => {
  const ports = allocator();
  ports.allocate(db, on("80/tcp", bind("8081")));
  const port = (hostPort: number) => ({ proto: "tcp" as const, hostIp: "0.0.0.0", hostPort, hostPortEnd: hostPort, containerPort: 80 });
  const { lease, lost } = ports.restore(web, [port(8080), port(8081), { ...port(0) }]);
  assert.deepEqual(lease.ports, [port(8080), port(0)]);
  assert.deepEqual(
    lost.map(({ port, error }) => [port.hostPort, error.code]),
    [[8081, "port-allocated"]],
  );
  lease.release();
  assert.equal(ports.holderOf("tcp", "0.0.0.0", 8080), undefined);
});

it("`allocate()` of a 16,384-port range is one reservation, among 10,000 others", () => {
  const host = new FakeHost();
  host.reserve = (_proto, ip, from, to) => {
    host.reserved.push(`${ip} ${from}-${to}`);
    return { [Symbol.dispose]() {} };
  };
  const ports = allocator({ reserver: host });
  for (let port = 40000; port < 50000; port++) ports.allocate(db, on("80/udp", bind(String(port))));
  host.reserved.length = 0;
  const requests: PortRequest[] = [
    { proto: "udp", containerPort: 10000, count: 16384, hostIps: ["0.0.0.0"], host: { kind: "exact", from: 10000 } },
  ];
  ports.allocate(web, requests).release();
  assert.deepEqual(new Set(host.reserved), new Set(["0.0.0.0 10000-26383"]));
});

it("agrees with a set of ports through 4,000 random operations", () => {
  let seed = 99;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const ips = ["0.0.0.0", "10.0.0.1", "10.0.0.2", "::", "fd00::1"];
  const ports = allocator();
  const model = new Map<string, string>();
  const leases: { release(): void; keys: string[] }[] = [];
  const clashes = (ip: string, port: number) => {
    const family = ips.filter((other) => other.includes(":") === ip.includes(":"));
    const rivals = ip === family[0] ? family : [ip, family[0]!];
    return rivals.map((rival) => model.get(`${rival} ${port}`)).filter((holder) => holder !== undefined);
  };
  for (let round = 0; round < 4000; round++) {
    if (random(3) === 0 && leases.length > 0) {
      const [lease] = leases.splice(random(leases.length), 1);
      lease!.release();
      for (const key of lease!.keys) model.delete(key);
      continue;
    }
    const hostIps = random(3) === 0 ? ["0.0.0.0", "::"] : [ips[random(5)]!];
    const count = 1 + random(8);
    const from = 1 + random(120);
    const wanted = hostIps.flatMap((ip) => Array.from({ length: count }, (_, offset) => ({ ip, port: from + offset })));
    const holder = { id: String(round), name: `c${round}` };
    const blocked = wanted.find(({ ip, port }) => clashes(ip, port).length > 0);
    const take = () => ports.allocate(holder, [{ proto: "tcp", containerPort: 1, count, hostIps, host: { kind: "exact", from } }]);
    if (blocked) {
      assert.throws(take, (error) => {
        assert.ok(error instanceof FairwayError);
        assert.deepEqual([error.context.hostIp, error.context.hostPort], [blocked.ip, blocked.port]);
        assert.ok(clashes(blocked.ip, blocked.port).includes(String(error.context.containerId)), error.message);
        return true;
      });
    } else {
      const keys = wanted.map(({ ip, port }) => `${ip} ${port}`);
      leases.push({ release: take().release, keys });
      for (const key of keys) model.set(key, holder.id);
    }
    const [ip, port] = [ips[random(5)]!, 1 + random(130)];
    assert.equal(ports.holderOf("tcp", ip, port) !== undefined, clashes(ip, port).length > 0);
  }
  for (const { release } of leases) release();
  for (let port = 1; port < 140; port++)
    assert.equal(ports.holderOf("tcp", "0.0.0.0", port) ?? ports.holderOf("tcp", "::", port), undefined);
});

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isolate } from "#kernel/netns";
import { clientIdOf, type Dhcp4Identity, type Dhcp4Lease, Lan } from "../mod.ts";
import { background, Segment, sh, until } from "../testing.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const options = { skip: isolated ? false : "needs root" };
const MAC = "02:42:00:00:00:31";
const LEASES = "/run/dnsmasq.leases";
/** The parent: where the container's link is not there yet. */
const before: Dhcp4Identity = { link: "eth0", mac: MAC, clientId: clientIdOf("c1/blue"), hostname: "web" };
const within: Dhcp4Identity = { ...before, namespace: "/run/netns/c1" };

/** dnsmasq with leases of two minutes, its shortest. @param fresh it has given none yet */
function startServer(fresh = true) {
  if (fresh) rmSync(LEASES, { force: true });
  const server = background("srv", [
    ...["dnsmasq", "-k", "-C", "/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces", "--no-ping", "--user=root", "--pid-file="],
    ...[
      "--dhcp-range=192.168.56.100,192.168.56.150,2m",
      "--dhcp-option=option:router,192.168.56.1",
      "--dhcp-option=option:dns-server,192.168.56.2",
    ],
    ...["--domain=lab.test", "--dhcp-authoritative", `--dhcp-leasefile=${LEASES}`, "--log-dhcp", "--log-facility=-"],
  ]);
  return { ...server, ready: () => until(() => /DHCP, IP range/.test(server.output())) };
}

const leases = () => readFileSync(LEASES, "utf8");
const count = (text: string, pattern: RegExp) => text.match(new RegExp(pattern, "g"))?.length ?? 0;

/** Time that a test moves; dnsmasq's goes on as ever. */
const clock = (t: TestContext) => t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });

test("`Lan.acquireDhcp4()` gets a lease by the parent for a container that is not there yet, with its host name", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  const serverMac = segment.station("srv", "192.168.56.2/24");
  using server = startServer();
  await server.ready();
  const { lease, confirmed } = await lan.acquireDhcp4(before);
  assert.equal(confirmed, true);
  assert.match(lease.cidr, /^192\.168\.56\.1[0-5]\d\/24$/);
  const { address, cidr, obtained, ...rest } = lease;
  const times = { lease: 120, renew: 60, rebind: 105 };
  assert.deepEqual(rest, {
    router: "192.168.56.1",
    dns: ["192.168.56.2"],
    domain: "lab.test",
    server: "192.168.56.2",
    serverMac,
    ...times,
  });
  assert.ok(Math.abs(Date.now() - obtained) < 5000);
  assert.match(leases(), new RegExp(`${MAC} ${address} web `));
  const again = await lan.acquireDhcp4({ ...before, previous: JSON.parse(JSON.stringify(lease)) as Dhcp4Lease });
  assert.deepEqual([again.lease.address, again.confirmed], [address, true], "INIT-REBOOT");
  assert.equal(count(server.output(), /DHCPDISCOVER/), 1);
  lan.releaseDhcp4(before, again.lease);
  await until(() => leases() === "");
  await server.stop();
});

test(
  "`Lan.acquireDhcp4()` gets addresses for many that share one MAC, as ipvlan's do, and the one that is asked for",
  options,
  async () => {
    using segment = new Segment();
    using lan = new Lan();
    segment.station("srv", "192.168.56.2/24");
    using server = startServer();
    await server.ready();
    const mac = sh("cat /sys/class/net/eth0/address").trim();
    const ask = (name: string, requested?: string) =>
      lan.acquireDhcp4({ link: "eth0", mac, clientId: clientIdOf(name), ...(requested ? { requested } : {}) });
    const results = await Promise.all(["a", "b", "c"].map((name) => ask(name)));
    const taken = new Set(results.map(({ lease }) => lease.address));
    assert.equal(taken.size, 3);
    const free = [131, 132, 133, 134].map((number) => `192.168.56.${number}`).find((address) => !taken.has(address))!;
    assert.equal((await ask("d", free)).lease.address, free);
    await server.stop();
  },
);

test(
  "`Lan.acquireDhcp4()` takes another address when the server refuses the former, and keeps the former when none answers",
  options,
  async () => {
    using segment = new Segment();
    using lan = new Lan();
    segment.station("srv", "192.168.56.2/24");
    using server = startServer();
    await server.ready();
    const { lease } = await lan.acquireDhcp4(before);
    const elsewhere = { ...lease, address: "10.9.9.9", cidr: "10.9.9.9/24" };
    assert.notEqual((await lan.acquireDhcp4({ ...before, previous: elsewhere })).lease.address, "10.9.9.9");
    assert.match(server.output(), /DHCPNAK/);
    await server.stop();
    assert.deepEqual(await lan.acquireDhcp4({ ...before, previous: lease }), { lease, confirmed: false });
    const expired = { ...lease, obtained: lease.obtained - 200_000 };
    await assert.rejects(lan.acquireDhcp4({ ...before, previous: expired, timeout: 1500 }), {
      category: "unavailable",
      message: "Cannot get an IPv4 address by DHCP on eth0: no server answered within 2 s",
    });
    await assert.rejects(lan.acquireDhcp4({ ...before, link: "eth9" }), { category: "notFound" });
  },
);

test("`Lan.declineDhcp4()` makes the server give another address", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  segment.station("srv", "192.168.56.2/24");
  using server = startServer();
  await server.ready();
  const first = (await lan.acquireDhcp4(before)).lease;
  lan.declineDhcp4(before, first);
  await until(() => /DHCPDECLINE/.test(server.output()));
  assert.notEqual((await lan.acquireDhcp4(before)).lease.address, first.address);
  await server.stop();
});

test("`Lan.keepDhcp4()` renews inside the sandbox by unicast at T1, from a lease that another process left", options, async (t) => {
  using segment = new Segment();
  using first = new Lan();
  segment.station("srv", "192.168.56.2/24");
  using server = startServer();
  await server.ready();
  const { lease } = await first.acquireDhcp4(before);
  segment.container("c1", MAC, lease.cidr);
  clock(t);
  using lan = new Lan();
  const got: Dhcp4Lease[] = [];
  const saved = JSON.parse(JSON.stringify(lease)) as Dhcp4Lease;
  const keeping = lan.keepDhcp4(within, saved, { onLease: (next) => got.push(next), onLost: (reason) => assert.fail(reason) });
  t.mock.timers.tick(59_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(got.length, 0);
  const asked = count(server.output(), /DHCPREQUEST/);
  t.mock.timers.tick(2_000);
  await until(() => got.length === 1);
  assert.equal(got[0]?.address, lease.address);
  assert.ok(got[0].obtained >= lease.obtained + 60_000);
  assert.equal(count(server.output(), /DHCPDISCOVER/), 1);
  assert.equal(count(server.output(), /DHCPREQUEST/), asked + 1);
  t.mock.timers.tick(61_000);
  await until(() => got.length === 2);
  keeping[Symbol.dispose]();
  lan.releaseDhcp4(before, keeping.lease);
  await until(() => leases() === "");
  await server.stop();
});

test(
  "`Lan.keepDhcp4()` rebinds when the server comes back late, and says lost when it does not, then takes a new lease",
  options,
  async (t) => {
    using segment = new Segment();
    using lan = new Lan();
    segment.station("srv", "192.168.56.2/24");
    let server = startServer();
    await server.ready();
    const { lease } = await lan.acquireDhcp4(before);
    segment.container("c1", MAC, lease.cidr);
    await server.stop();
    clock(t);
    const events: string[] = [];
    using _keeping = lan.keepDhcp4(within, lease, {
      onLease: ({ address }) => events.push(address),
      onLost: (reason) => events.push(reason),
    });
    const pass = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        t.mock.timers.tick(1000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await pass(100);
    assert.deepEqual(events, [], "T1 has passed without an answer");
    server = startServer(false);
    await server.ready();
    await pass(9);
    await until(() => events.length === 1);
    assert.deepEqual(events, [lease.address], "rebound by broadcast");
    await server.stop();
    await pass(125);
    assert.deepEqual(events.slice(1), ["expired"]);
    server = startServer(false);
    await server.ready();
    for (let round = 0; round < 60 && events.length < 3; round++) {
      await pass(1);
      await sleep(20);
    }
    assert.equal(events[2], lease.address, "the same again, being asked for");
    await server.stop();
  },
);

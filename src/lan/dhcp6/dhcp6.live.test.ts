import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import { clientIdOf, type Dhcp6Identity, type Dhcp6Lease, Lan } from "../mod.ts";
import { background, Segment, until } from "../testing.ts";

const isolated = isolate({ tmpfs: ["/run"], sysfs: true });
const options = { skip: isolated ? false : "needs root" };
const MAC = "02:42:00:00:00:31";
const LEASES = "/run/dnsmasq6.leases";
const before: Dhcp6Identity = { link: "eth0", mac: MAC, clientId: clientIdOf("c1/blue"), hostname: "web" };
const within: Dhcp6Identity = { ...before, namespace: "/run/netns/c1" };

function startServer(range = "fd56::100,fd56::1ff,64,2m", more: readonly string[] = [], fresh = true) {
  if (fresh) rmSync(LEASES, { force: true });
  const server = background("srv", [
    ...["dnsmasq", "-k", "-C", "/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces", "--user=root", "--pid-file="],
    ...[`--dhcp-range=${range}`, ...more, "--dhcp-option=option6:dns-server,[fd56::2]", "--dhcp-authoritative"],
    ...[`--dhcp-leasefile=${LEASES}`, "--log-dhcp", "--log-facility=-"],
  ]);
  return { ...server, ready: () => until(() => /DHCPv6, IP range/.test(server.output()), server.output) };
}

const leases = () => readFileSync(LEASES, "utf8");

test(
  "`Lan.acquireDhcp6()` gets a lease by the parent for a container that is not there yet, again the same, and gives it back",
  options,
  async () => {
    using segment = new Segment();
    using lan = new Lan();
    segment.station("srv", "fd56::2/64");
    using server = startServer();
    await server.ready();
    const { lease, confirmed } = await lan.acquireDhcp6(before).catch(() => assert.fail(server.output()));
    assert.equal(confirmed, true);
    assert.match(lease.address, /^fd56::1[0-9a-f]{2}$/);
    assert.deepEqual(
      [lease.dns, lease.valid, lease.renew > 0 && lease.renew <= lease.rebind && lease.rebind <= 120],
      [["fd56::2"], 120, true],
    );
    assert.match(leases(), new RegExp(` ${lease.address} web `));
    const previous = JSON.parse(JSON.stringify(lease)) as Dhcp6Lease;
    const again = await lan.acquireDhcp6({ ...before, previous });
    assert.deepEqual([again.lease.address, again.confirmed], [lease.address, true]);
    assert.equal(server.output().match(/DHCPSOLICIT/g)?.length, 1);
    const other = await lan.acquireDhcp6({ ...before, clientId: clientIdOf("c2/blue"), requested: "fd56::1ee" });
    assert.equal(other.lease.address, "fd56::1ee");
    await lan.releaseDhcp6(before, lease);
    assert.doesNotMatch(leases(), new RegExp(lease.address));
    await server.stop();
    assert.deepEqual(await lan.acquireDhcp6({ ...before, previous }), { lease: previous, confirmed: false });
    await assert.rejects(lan.acquireDhcp6({ ...before, timeout: 1200 }), { category: "unavailable", code: "no-dhcp-lease" });
  },
);

test("`Lan.keepDhcp6()` renews inside the sandbox, rebinds late, and says lost when nobody answers", options, async (t) => {
  using segment = new Segment();
  using lan = new Lan();
  segment.station("srv", "fd56::2/64");
  using server = startServer();
  await server.ready();
  const { lease } = await lan.acquireDhcp6(before);
  segment.container("c1", MAC, `${lease.address}/128`);
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      t.mock.timers.tick(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const events: string[] = [];
  using keeping = lan.keepDhcp6(within, lease, { onLease: ({ address }) => events.push(address), onLost: (reason) => events.push(reason) });
  await pass(lease.renew + 1);
  await until(() => events.length === 1, server.output);
  assert.equal(keeping.lease.address, lease.address);
  assert.match(server.output(), /DHCPRENEW/);
  await server.stop();
  await pass(keeping.lease.rebind - 3);
  using second = startServer(undefined, [], false);
  await second.ready();
  await pass(4);
  await until(() => events.length === 2, second.output);
  assert.deepEqual(events.slice(1), [lease.address]);
  assert.match(second.output(), /DHCPREBIND/);
  await second.stop();
  await pass(125);
  assert.deepEqual(events.slice(2), ["expired"]);
});

test("`Lan.solicitRouter()` hears whether the router means DHCPv6 or SLAAC, and that there is none", options, async () => {
  using segment = new Segment();
  using lan = new Lan();
  segment.station("srv", "fd56::2/64");
  for (const [range, advice] of [
    ["fd56::100,fd56::1ff,64,2m", { managed: true, autonomous: false }],
    ["fd56::,ra-only,64,2m", { managed: false, autonomous: true }],
  ] as const) {
    using server = startServer(range, ["--enable-ra"]);
    await until(() => /router advertisement on fd56::/.test(server.output()), server.output);
    assert.deepEqual(await lan.solicitRouter("eth0"), advice);
    await server.stop();
  }
  assert.equal(await lan.solicitRouter("eth0"), undefined);
  await assert.rejects(lan.solicitRouter("eth9"), { category: "notFound" });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PINGS, pingFrom } from "../experiments/clients.ts";
import { OUTSIDE_ADDRESS, stage } from "../experiments/stage.ts";
import { RANGE4, RANGE6, SLAAC6, serveDhcp } from "./dhcp-server.ts";

const ROUTER = `--dhcp-option=3,${OUTSIDE_ADDRESS}`;
/** T1 of a lease is its half, one minute; option 58 has the server say less. */
const EARLY_RENEWAL = "--dhcp-option=58,5";
const literally = (text: string) => text.replaceAll(".", "\\.");

async function lanWithDhcp(t: Parameters<typeof stage>[0]) {
  const parts = await stage(t);
  await parts.host.sh("ip addr add fd56::11/64 dev eth0 nodad");
  await parts.outside.sh("ip addr add fd56::1/64 dev eth0 nodad");
  const field = (container: string, name: string, network = "lan") =>
    parts.docker(`inspect -f '{{(index .NetworkSettings.Networks "${network}").${name}}}' ${container}`);
  const leases = () => parts.outside.sh("cat /run/dnsmasq.leases");
  return {
    ...parts,
    addressesOf: async (container: string, network?: string) => [
      await field(container, "IPAddress", network),
      await field(container, "GlobalIPv6Address", network),
    ],
    /** Lines of leases that a server has given and not taken back. */
    leases,
    /** Waits until the server has nothing of these addresses. */
    givenBack: async (...addresses: string[]) => {
      const held = async () => {
        const known = await leases();
        return addresses.some((address) => known.includes(` ${address} `));
      };
      while (await held()) await sleep(50);
    },
  };
}

test("`--ipam-driver fairway-dhcp`: the LAN's own server gives containers their addresses, IPv4 and IPv6", async (t) => {
  const { host, outside, docker, dockerFails, addressesOf, leases, givenBack } = await lanWithDhcp(t);
  const flags = [RANGE4, RANGE6, "--enable-ra", ROUTER, EARLY_RENEWAL];
  let server = await serveDhcp(outside, ...flags);
  await docker("network create -d macvlan --ipv6 --ipam-driver fairway-dhcp -o parent=eth0 lan");
  await docker("run -d --name steady --network lan busybox sleep 900");
  await docker("run -d --name web --network lan busybox sleep 900");
  const [ipv4 = "", ipv6 = ""] = await addressesOf("web");
  const reaches = async (container: string) => {
    for (const target of [OUTSIDE_ADDRESS, "fd56::1"]) assert.deepEqual(await pingFrom(host, container, target), PINGS, target);
  };

  await t.test("addresses of the server's ranges, the LAN's routers, and the container's name on the server", async () => {
    assert.match(ipv4, /^192\.168\.56\.1(0\d|10)$/);
    assert.match(ipv6, /^fd56::1[0-9a-f]{2}$/);
    await reaches("web");
    assert.match(await docker("exec web ip route"), new RegExp(`default via ${OUTSIDE_ADDRESS}`));
    // By the router's own word, which the container's kernel asks for.
    while (!/default via fe80::/.test(await docker("exec web ip -6 route"))) await sleep(100);
    const known = await leases();
    for (const address of [ipv4, ipv6]) assert.match(known, new RegExp(` ${literally(address)} web `));
    const [network] = JSON.parse(await docker("network inspect lan"));
    assert.deepEqual(network.IPAM, {
      Driver: "fairway-dhcp",
      Options: {},
      Config: [{ Subnet: "192.168.56.0/24", Gateway: OUTSIDE_ADDRESS }, { Subnet: "fd56::/64" }],
    });
  });
  await t.test("the same addresses after the container's restart, and after the daemon's", async () => {
    await docker("restart -t 0 web");
    assert.deepEqual(await addressesOf("web"), [ipv4, ipv6]);
    await host.daemon.restart();
    assert.deepEqual(await addressesOf("web"), [ipv4, ipv6]);
    await reaches("web");
  });
  await t.test("renewed by the daemon, also by one that was started since", async () => {
    const [steady4 = "", steady6 = ""] = await addressesOf("steady");
    const from = server.stdout.length;
    await server.waitFor(new RegExp(`DHCPACK\\(eth0\\) ${literally(steady4)} `), { from });
    await server.waitFor(new RegExp(`DHCPRENEW[\\s\\S]*DHCPREPLY\\(eth0\\) ${steady6} `), { timeout: 90_000 });
    await reaches("steady");
  });
  await t.test("with the server gone valid leases are used on, and a new container is refused clearly", async () => {
    server.destroy();
    await server.ended;
    await docker("restart -t 0 web");
    assert.deepEqual(await addressesOf("web"), [ipv4, ipv6]);
    assert.match(
      await dockerFails("run --rm --network lan busybox true"),
      /Cannot get an IPv4 address by DHCP on eth0: no server answered within 15 s/,
    );
  });
  await t.test("with the server back others get theirs", async () => {
    server = await serveDhcp(outside, ...flags);
    await docker("run -d --name second --network lan busybox sleep 900");
    const [second4, second6] = await addressesOf("second");
    assert.notEqual(second4, ipv4);
    assert.notEqual(second6, ipv6);
    await reaches("second");
  });
  await t.test("removed, the leases are given back", async () => {
    await docker("rm -f web");
    await givenBack(ipv4, ipv6);
    assert.equal(server.stdout.match(/DHCPRELEASE/g)?.length, 2, "one a family, and of nobody else");
    await docker("rm -f second steady");
    await docker("network rm lan");
  });
  server.destroy();
});

test("`--ipam-driver fairway-dhcp` on a LAN whose stations make their own IPv6 addresses, and on one without any", async (t) => {
  const { host, outside, docker, dockerFails, addressesOf } = await lanWithDhcp(t);
  let server = await serveDhcp(outside, RANGE4, SLAAC6, "--enable-ra", ROUTER);
  await docker("network create -d macvlan --ipv6 --ipam-driver fairway-dhcp -o parent=eth0 lan");
  await docker("run -d --name web --network lan busybox sleep 900");
  const [ipv4 = "", ipv6] = await addressesOf("web");
  assert.match(ipv4, /^192\.168\.56\.1/);
  assert.equal(ipv6, "", "the kernel's business");
  // Its own duplicate detection comes first, and the switch must hear of its groups.
  while ((await pingFrom(host, "web", "fd56::1")).received < PINGS.received) await sleep(100);
  assert.match(await docker("exec web ip -6 addr show dev eth0"), /inet6 fd56:.*dynamic/);
  await docker("rm -f web");
  server.destroy();
  await server.ended;

  server = await serveDhcp(outside, RANGE4, ROUTER);
  assert.match(
    await dockerFails("run --rm --network lan busybox true"),
    /network "lan" has --ipv6: Cannot get an IPv6 address by DHCP on eth0: no server gave one within 15 s/,
  );
  server.destroy();
});

test("`--ipam-driver fairway-dhcp`: a lease that the server refuses to renew gives way to another while the container runs", async (t) => {
  const { host, outside, docker, addressesOf, givenBack } = await lanWithDhcp(t);
  let server = await serveDhcp(outside, RANGE4, EARLY_RENEWAL);
  await docker("network create -d macvlan --ipam-driver fairway-dhcp -o parent=eth0 lan");
  const events = host.dockerSpawn("events --filter type=network --format '{{json .}}'");
  await docker("run -d --name web --network lan busybox sleep 900");
  const [before = ""] = await addressesOf("web");
  server.destroy();
  await server.ended;
  await outside.sh("rm /run/dnsmasq.leases");
  server = await serveDhcp(outside, "--dhcp-range=192.168.56.120,192.168.56.130,2m");
  const [event] = await events.waitFor(/^.*"conflict".*$/m, { timeout: 120_000 });
  const { lease, address } = JSON.parse(event).Actor.Attributes;
  assert.deepEqual([lease, address], ["refused", before]);
  events.kill();
  while ((await addressesOf("web"))[0] === before) await sleep(100);
  const [after = ""] = await addressesOf("web");
  assert.match(after, /^192\.168\.56\.1[23]\d$/);
  assert.equal(await docker("exec web ip -4 -o addr show eth0 | grep -o 'inet [0-9.]*'"), `inet ${after}`);
  assert.deepEqual(await pingFrom(host, "web", OUTSIDE_ADDRESS), PINGS);

  await docker("stop -t 0 web");
  await docker("network rm lan");
  await givenBack(after);
  server.destroy();
});

test("`docker network connect` and `disconnect` of a running container get it a lease and give it back", async (t) => {
  const { host, outside, docker, dockerFails, addressesOf, leases, givenBack } = await lanWithDhcp(t);
  const server = await serveDhcp(outside, RANGE4, RANGE6, "--enable-ra", ROUTER);
  await docker("network create -d macvlan --ipv6 --ipam-driver fairway-dhcp -o parent=eth0 lan");
  await docker("run -d --name web busybox sleep 900");
  await docker("network connect lan web");
  const [ipv4 = "", ipv6 = ""] = await addressesOf("web");
  const known = await leases();
  for (const address of [ipv4, ipv6]) assert.match(known, new RegExp(` ${literally(address)} web `));
  for (const target of [OUTSIDE_ADDRESS, "fd56::1"]) assert.deepEqual(await pingFrom(host, "web", target), PINGS, target);
  assert.match(await dockerFails("network connect lan web"), /endpoint with name web already exists in network lan/);
  assert.deepEqual(await addressesOf("web"), [ipv4, ipv6], "a second connect takes nothing away");
  await host.daemon.restart();
  assert.deepEqual(await addressesOf("web"), [ipv4, ipv6]);

  await docker("network disconnect lan web");
  await givenBack(ipv4, ipv6);
  server.destroy();
  await server.ended;
  assert.match(await dockerFails("network connect lan web"), /Cannot get an IPv4 address by DHCP on eth0: no server answered/);
  assert.deepEqual(Object.keys(JSON.parse(await docker("inspect -f '{{json .NetworkSettings.Networks}}' web"))), ["bridge"]);
});

test("`--ipam-driver fairway-dhcp`: a leased address that somebody has is declined, and the next one taken", async (t) => {
  const { lab, outside, docker, addressesOf } = await lanWithDhcp(t);
  const squatter = await lab.addHost("squatter", { nics: [{ switch: "lan", address: "192.168.56.100/24" }] });
  await squatter.sh("ip addr add fd56::100/64 dev eth0 nodad");
  const server = await serveDhcp(
    outside,
    "--dhcp-range=192.168.56.100,192.168.56.101,2m",
    "--dhcp-range=fd56::100,fd56::101,64,2m",
    "--dhcp-sequential-ip",
    "--enable-ra",
  );
  await docker("network create -d macvlan --ipv6 --ipam-driver fairway-dhcp -o parent=eth0 lan");
  await docker("run -d --name web --network lan busybox sleep 900");
  assert.equal((await addressesOf("web"))[0], "192.168.56.101");
  assert.match(server.stdout, /DHCPDECLINE\(eth0\) 192\.168\.56\.100/);
  assert.equal((await addressesOf("web"))[1], "fd56::101");
  server.destroy();
});

test("`--ipam-driver fairway-dhcp` refuses a bridge network, and a parent whose subnet nobody knows, with the way out", async (t) => {
  const { host, dockerFails } = await stage(t);
  assert.match(await dockerFails("network create --ipam-driver fairway-dhcp nope"), /needs a network on the LAN itself/);
  const create = "network create -d macvlan --ipam-driver fairway-dhcp";
  await host.sh("ip link add bare type veth peer name bare2; ip link set bare up");
  assert.match(await dockerFails(`${create} -o parent=bare nope`), /bare has no IPv4 address; give --subnet/);
  assert.match(await dockerFails(`${create} --ipv6 -o parent=eth0 nope`), /Cannot tell the LAN's IPv6 subnet: eth0 has no IPv6 address/);
  assert.match(await dockerFails(`${create} nope`), /no parent is named/);
});

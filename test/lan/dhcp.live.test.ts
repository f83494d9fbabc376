import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PINGS, pingFrom } from "../experiments/clients.ts";
import { OUTSIDE_ADDRESS, stage } from "../experiments/stage.ts";

test("`--ipam-driver fairway-dhcp`: the LAN's own server gives containers their addresses", async (t) => {
  const { host, outside, docker, dockerFails } = await stage(t);
  const serve = () =>
    outside.spawn([
      ...[
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--port=0",
        "--interface=eth0",
        "--bind-interfaces",
        "--no-ping",
        "--log-facility=-",
        "--log-dhcp",
      ],
      ...[
        "--dhcp-range=192.168.56.100,192.168.56.110,2m",
        `--dhcp-option=3,${OUTSIDE_ADDRESS}`,
        `--dhcp-leasefile=/run/dnsmasq.leases`,
        "--dhcp-authoritative",
      ],
    ]);
  let server = serve();
  await sleep(500);
  const addressOf = (name: string) => docker(`inspect -f {{range.NetworkSettings.Networks}}{{.IPAddress}}{{end}} ${name}`);
  await docker("network create -d macvlan --ipam-driver fairway-dhcp -o parent=eth0 lan");
  await docker("run -d --name web --network lan busybox sleep 600");
  const address = await addressOf("web");

  await t.test("an address of the server's range, its router, and the container's name on the server", async () => {
    assert.match(address, /^192\.168\.56\.1(0\d|10)$/);
    assert.deepEqual(await pingFrom(host, "web", OUTSIDE_ADDRESS), PINGS);
    assert.match(await docker("exec web ip route"), new RegExp(`default via ${OUTSIDE_ADDRESS}`));
    assert.match(`${server.stdout}${server.stderr}`, /DHCPACK\(eth0\) .* web/);
    const [network] = JSON.parse(await docker("network inspect lan"));
    assert.deepEqual(network.IPAM, {
      Driver: "fairway-dhcp",
      Options: {},
      Config: [{ Subnet: "192.168.56.0/24", Gateway: OUTSIDE_ADDRESS }],
    });
  });
  await t.test("the same address after the container's restart, and after the daemon's", async () => {
    await docker("restart -t 0 web");
    assert.equal(await addressOf("web"), address);
    await host.daemon.restart();
    assert.equal(await addressOf("web"), address);
    assert.deepEqual(await pingFrom(host, "web", OUTSIDE_ADDRESS), PINGS);
  });
  await t.test("with the server gone a valid lease is used on, and a new container is refused clearly", async () => {
    server.destroy();
    await server.ended;
    await docker("restart -t 0 web");
    assert.equal(await addressOf("web"), address);
    assert.match(await dockerFails("run --rm --network lan busybox true"), /DHCP/);
    server = serve();
    await sleep(500);
    await docker("run -d --name second --network lan busybox sleep 600");
    assert.notEqual(await addressOf("second"), address);
  });
  await t.test("removed, the lease is given back", async () => {
    await docker("rm -f web second");
    await sleep(300);
    assert.match(`${server.stdout}${server.stderr}`, new RegExp(`DHCPRELEASE\\(eth0\\) ${address.replaceAll(".", "\\.")}`));
    await docker("network rm lan");
  });
  await t.test("a bridge network, or a parent without an address, is refused with the way out", async () => {
    assert.match(await dockerFails("network create --ipam-driver fairway-dhcp nope"), /needs a network on the LAN itself/);
    await host.sh("ip link add bare type veth peer name bare2; ip link set bare up");
    assert.match(
      await dockerFails("network create -d macvlan -o parent=bare --ipam-driver fairway-dhcp nope"),
      /bare has no IPv4 address; give --subnet/,
    );
  });
  server.destroy();
});

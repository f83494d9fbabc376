import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST6, http, httpIn, OUTSIDE6, portStage, web } from "./stage.ts";

test("IPv6", async (t) => {
  const { host, outside, docker, dockerFails } = await portStage(t);
  const inspect = (network: string, format: string) => docker(`network inspect -f '${format}' ${network}`);
  const received = async (container: string, address: string) =>
    (await host.docker(["exec", container, "ping", "-6", "-c", "1", "-W", "1", address], { allowFailure: true })).stdout.includes(
      " 1 packets received",
    );

  await t.test("--ipv6 takes a ULA subnet by itself, the same prefix for the whole host", async () => {
    await docker("network create --ipv6 ula1");
    await docker("network create --ipv6 ula2");
    const [one, two] = [
      await inspect("ula1", "{{(index .IPAM.Config 1).Subnet}}"),
      await inspect("ula2", "{{(index .IPAM.Config 1).Subnet}}"),
    ];
    assert.match(one, /^fd[0-9a-f:]+::\/64$/);
    assert.notEqual(one, two);
    await docker("run -d --name ula --network ula1 busybox sleep 1000");
    assert.match(await docker("inspect -f '{{.NetworkSettings.Networks.ula1.GlobalIPv6Address}}' ula"), /^fd/);
    assert.equal(await received("ula", OUTSIDE6), true, "masqueraded");
    await docker("rm -f ula");
  });

  await t.test("a static address, an IPv6-only network", async () => {
    await docker("network create --ipv6 --ipv4=false --subnet fd66::/64 six");
    await docker(`run -d --name six1 --network six --ip6 fd66::99 busybox ${web("six1", 80)}`);
    await docker("run -d --name six2 --network six busybox sleep 1000");
    const six1 = JSON.parse(await docker("inspect -f '{{json .NetworkSettings.Networks.six}}' six1"));
    assert.deepEqual([six1.IPAddress, six1.GlobalIPv6Address, six1.IPv6Gateway, six1.GlobalIPv6PrefixLen], ["", "fd66::99", "fd66::1", 64]);
    assert.doesNotMatch(await docker("exec six1 ip -4 addr show eth0"), /inet /);
    assert.match(await docker("exec six1 ip -6 route"), /default via fd66::1 dev eth0/);
    assert.equal(await httpIn(host, "six2", "http://six1/"), "six1");
    assert.equal(await received("six2", OUTSIDE6), true);
    assert.match(await dockerFails("run --rm --network six --ip6 fd66::99 busybox true"), /Address already in use/);
    await dockerFails("run --rm --network six --ip6 fd67::99 busybox true");
    await dockerFails("run --rm --network six --ip 10.0.0.9 busybox true");
    await docker("rm -f six1 six2");
  });

  await t.test("outside sees the host's address, by NAT66", async () => {
    await docker("network create --ipv6 --subnet fd67::/64 nat");
    await docker("run -d --name from --network nat busybox sleep 1000");
    const server = outside.spawn(["socat", "TCP6-LISTEN:7070,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.match(await docker(`exec from nc ${OUTSIDE6} 7070`), /fd56:.*:0*11\]?$/);
    await server.kill();
    await docker("rm -f from");
  });

  await t.test("routed mode: no NAT, no host port; published ports open to all, others closed, ping answered", async () => {
    await docker(
      "network create --ipv6 --subnet fd68::/64 --subnet 10.68.0.0/24 -o com.docker.network.bridge.gateway_mode_ipv6=routed routed",
    );
    await docker(`run -d --name open --network routed --ip 10.68.0.8 --ip6 fd68::8 -p 8068:80 busybox ${web("open", 80, 81)}`);
    await outside.sh(`ip -6 route add fd68::/64 via ${HOST6}`);
    assert.equal(await http(outside, "http://[fd68::8]/"), "open");
    assert.match((await http(outside, "http://[fd68::8]/cgi-bin/who")) ?? "", /fd56::1/);
    assert.equal(await http(outside, "http://[fd68::8]:81/"), undefined);
    assert.equal(await http(outside, `http://[${HOST6}]:8068/`), undefined, "no host port");
    assert.equal(await http(outside, "http://192.168.56.11:8068/"), "open", "IPv4 is still NAT");
    assert.match((await outside.exec("ping -6 -c 1 -W 1 fd68::8", { allowFailure: true })).stdout, / 1 received/);
    const ports = JSON.parse(await docker("inspect -f '{{json .NetworkSettings.Ports}}' open"));
    assert.deepEqual(ports, {
      "80/tcp": [
        { HostIp: "0.0.0.0", HostPort: "8068" },
        { HostIp: "::", HostPort: "" },
      ],
    });
    const server = outside.spawn(["socat", "TCP6-LISTEN:7070,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.match(await docker(`exec open nc ${OUTSIDE6} 7070`), /fd68:.*:0*8\]?$/, "its own address is seen");
    await server.kill();
    await docker("rm -f open");
  });

  await t.test("a network without IPv6 has none, and loopback keeps its own", async () => {
    await docker("network create four");
    await docker("run -d --name four1 --network four busybox sleep 1000");
    assert.equal(await docker("exec four1 cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6"), "1");
    assert.doesNotMatch(await docker("exec four1 ip -6 addr show eth0"), /inet6/);
    assert.match(await docker("exec four1 ip -6 addr show lo"), /inet6 ::1\/128/);
    await docker("network connect ula1 four1");
    assert.match(await docker("exec four1 ip -6 addr show eth1"), /inet6 fd/);
    assert.equal(await received("four1", OUTSIDE6), true);
    await docker("rm -f four1");
  });

  await t.test("an internal network stays inside", async () => {
    await docker("network create --ipv6 --internal --subnet fd69::/64 inside");
    await docker("run -d --name in1 --network inside --ip6 fd69::11 busybox sleep 1000");
    await docker("run -d --name in2 --network inside busybox sleep 1000");
    assert.equal(await received("in2", "fd69::11"), true);
    assert.equal(await received("in2", OUTSIDE6), false);
    assert.doesNotMatch(await docker("exec in1 ip -6 route"), /default/);
    await docker("rm -f in1 in2");
  });
});

test("the default bridge with --ipv6", async (t) => {
  const { host, outside, docker } = await portStage(t, ["--ipv6", "--fixed-cidr-v6", "fd99::/64"]);
  await docker(`run -d --name web -p 8080:80 busybox ${web("web", 80)}`);
  assert.match(await docker("inspect -f '{{.NetworkSettings.GlobalIPv6Address}}' web"), /^fd99::/);
  assert.match((await http(outside, `http://[${HOST6}]:8080/cgi-bin/who`)) ?? "", /web .*fd56::1/);
  assert.equal(await http(host, "http://[::1]:8080/"), "web");
});

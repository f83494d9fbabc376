import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Host, Lab } from "#lab";
import { http, httpIn, web } from "../ports/stage.ts";

interface FlagStage {
  readonly host: Host;
  readonly outside: Host;
  docker(args: string): Promise<string>;
  fails(args: string): Promise<string>;
}

/** A host whose daemon has these flags, and a client beyond it. `before` is a shell script of the host's. */
async function flagged(t: TestContext, flags: readonly string[], before = ":"): Promise<FlagStage> {
  const lab = await Lab.create({ hosts: ["host1"], outside: true });
  t.after(() => lab.dispose());
  const host = lab.host("host1");
  await host.sh(before);
  await host.startDaemon(flags);
  await host.importBusybox();
  return {
    ...{ host, outside: lab.outside },
    docker: (args) => host.dockerOutput(args, { timeout: 30_000 }),
    async fails(args) {
      const { code, stdout, stderr } = await host.docker(args, { allowFailure: true, timeout: 30_000 });
      assert.notEqual(code, 0, `docker ${args} succeeded, and must not:\n${stdout}`);
      return `${stdout}${stderr}`;
    },
  };
}

const OUTSIDE = "192.168.56.1";
const HOST = "192.168.56.11";
const pings = async (host: Host, container: string, to: string) =>
  (await host.docker(["exec", container, "ping", "-c", "1", "-W", "1", to], { allowFailure: true, timeout: 30_000 })).code === 0;

test("the default bridge by --bip, --fixed-cidr, --default-gateway, --mtu, --icc=false and --ip; none of it is for other networks", async (t) => {
  const { host, outside, docker } = await flagged(t, [
    ...["--bip", "192.168.100.5/24", "--fixed-cidr", "192.168.100.128/25", "--default-gateway", "192.168.100.9"],
    ...["--mtu", "1400", "--icc=false", "--ip", "127.0.0.1"],
  ]);
  assert.match(await host.sh("ip -o -4 addr show docker0"), /192\.168\.100\.5\/24/);
  await docker(`run -d --name ca -p 8001:80 busybox ${web("ca", 80)}`);
  await docker("run -d --name cb busybox sleep 1000");
  assert.match(await docker("exec ca ip -o -4 addr show eth0"), /192\.168\.100\.128\/24/);
  assert.match(await docker("exec ca ip route"), /default via 192\.168\.100\.9 dev eth0/);
  assert.match(await docker("exec ca ip -o link show eth0"), /mtu 1400/);
  assert.match(await host.sh("ip -o link show docker0"), /mtu 1400/);
  assert.equal(await pings(host, "cb", "192.168.100.128"), false, "--icc=false");
  assert.equal(await docker("port ca 80"), "127.0.0.1:8001");
  assert.equal(await http(host, "http://127.0.0.1:8001/"), "ca");
  assert.equal(await http(outside, `http://${HOST}:8001/`), undefined);

  await docker("network create own");
  await docker(`run -d --name cc --network own -p 8002:80 busybox ${web("cc", 80)}`);
  await docker("run -d --name cd --network own busybox sleep 1000");
  assert.match(await docker("exec cc ip -o link show eth0"), /mtu 1500/);
  assert.equal(await httpIn(host, "cd", "http://cc/"), "cc");
  assert.match(await docker("port cc 80"), /0\.0\.0\.0:8002/);
  assert.equal(await http(outside, `http://${HOST}:8002/`), "cc");
});

test("--ip-masq=false and --default-network-opt, --dns, --dns-search, --dns-opt, --host-gateway-ip", async (t) => {
  const { host, outside, docker } = await flagged(t, [
    ...["--ip-masq=false", "--default-network-opt", "bridge=com.docker.network.driver.mtu=1320"],
    ...["--dns", "10.5.5.5", "--dns-search", "example.org", "--dns-opt", "timeout:7", "--host-gateway-ip", "10.6.6.6"],
    ...["--default-address-pool", "base=10.200.0.0/23,size=24", "--default-address-pool", "base=10.210.0.0/24,size=24"],
  ]);
  const server = outside.spawn(["socat", "TCP-LISTEN:7000,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR"]);
  t.after(() => server.kill());
  await outside.sh(`ip route add 10.200.0.0/16 via ${HOST}`);
  await docker("run -d --name ca busybox sleep 1000");
  assert.match(await docker("exec ca ip -o -4 addr show eth0"), /10\.200\.0\.2\/24/);
  assert.equal(await docker(`exec ca sh -c 'nc -w 2 ${OUTSIDE} 7000 </dev/null'`), "10.200.0.2");
  const resolv = await docker("exec ca cat /etc/resolv.conf");
  assert.match(resolv, /nameserver 10\.5\.5\.5/);
  assert.match(resolv, /search example\.org/);
  assert.match(resolv, /timeout:7/);
  assert.match(await docker("run --rm --add-host up:host-gateway busybox cat /etc/hosts"), /10\.6\.6\.6\s+up/);
  assert.match(await docker("exec ca ip -o link show eth0"), /mtu 1500/, "a default network option is not for docker0");
  await docker("network create second");
  assert.match(await docker("run --rm --network second busybox ip -o link show eth0"), /mtu 1320/);
  assert.equal(await docker("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' second"), "10.200.1.0/24");
  await docker("network create third");
  assert.equal(await docker("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' third"), "10.210.0.0/24");
  const { code, stderr } = await host.docker("network create fourth", { allowFailure: true });
  assert.equal(code, 1);
  assert.match(stderr, /all predefined address pools have been fully subnetted/);
  for (const holder of ["bridge", "second", "third"]) assert.match(stderr, new RegExp(holder));
  assert.equal(
    await docker(`run --rm --network second busybox sh -c 'nc -w 2 ${OUTSIDE} 7000 </dev/null'`),
    HOST,
    "--ip-masq is docker0's",
  );
});

test("--iptables=false: no table of ours; --ip-forward=false: forwarding stays off", async (t) => {
  const { host, docker } = await flagged(t, ["--iptables=false", "--ip-forward=false"], "sysctl -qw net.ipv4.ip_forward=0");
  await docker("network create own");
  await docker(`run -d --name ca --network own -p 8001:80 busybox ${web("ca", 80)}`);
  await docker("run -d --name cb --network own busybox sleep 1000");
  assert.equal(await host.sh("nft list ruleset"), "");
  assert.equal(await host.sh("cat /proc/sys/net/ipv4/ip_forward"), "0");
  assert.equal(await httpIn(host, "cb", "http://ca/"), "ca", "bridged");
  assert.equal(await http(host, "http://127.0.0.1:8001/"), "ca", "published: by a relay alone");
  await host.daemon.restart();
  assert.equal(await host.sh("nft list ruleset"), "");
});

test("--bridge names a foreign bridge: its address and subnet are the network's, and it is left as it was", async (t) => {
  const make =
    "ip link add br0 type bridge; ip addr add 10.44.0.1/24 dev br0; ip link set br0 up; ip link set br0 address 02:00:00:00:00:44";
  const { host, docker } = await flagged(t, ["-b", "br0"], make);
  assert.equal(
    await docker("network inspect -f '{{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config 0).Gateway}}' bridge"),
    "10.44.0.0/24 10.44.0.1",
  );
  await docker("run -d --name ca busybox sleep 1000");
  assert.match(await docker("exec ca ip -o -4 addr show eth0"), /10\.44\.0\.2\/24/);
  assert.equal(await pings(host, "ca", "10.44.0.1"), true);
  assert.equal(await pings(host, "ca", OUTSIDE), true);
  assert.equal((await host.exec("ip link show docker0", { allowFailure: true })).code, 1);
  await docker("rm -f ca");
  await host.daemon.stop();
  assert.match(await host.sh("ip -o link show br0; ip -o -4 addr show br0"), /02:00:00:00:00:44[\s\S]*10\.44\.0\.1\/24/);
  await assert.rejects(host.startDaemon(["-b", "nosuch0"]), /bridge device with non default name nosuch0 must be created manually/);
});

test("--bridge none: no network bridge, no docker0, containers have lo alone", async (t) => {
  const { host, docker } = await flagged(t, ["-b", "none"]);
  assert.equal(await docker("network ls --format '{{.Name}}'"), "host\nnone");
  assert.equal((await host.exec("ip link show docker0", { allowFailure: true })).code, 1);
  assert.doesNotMatch(await docker("run --rm busybox ip -o link"), /eth0/);
  await host.daemon.stop();
  await host.startDaemon();
  assert.match(await docker("run --rm busybox ip -o link"), /eth0/);
  await host.daemon.stop();
  await host.startDaemon(["-b", "none"]);
  assert.equal((await host.exec("ip link show docker0", { allowFailure: true })).code, 1, "docker0 goes away");
});

test("--ipv6 with --fixed-cidr-v6", async (t) => {
  const { host, docker } = await flagged(t, ["--ipv6", "--fixed-cidr-v6", "fd44::/64"]);
  await docker("run -d --name ca busybox sleep 1000");
  assert.match(await docker("exec ca ip -o -6 addr show eth0"), /fd44::2\/64/);
  assert.match(await host.sh("ip -o -6 addr show docker0"), /fd44::1\/64/);
  assert.equal(await pings(host, "ca", "fd44::1"), true);
  await host.daemon.stop();
  await host.startDaemon(["--ipv6"]);
  assert.match(await docker("network inspect -f '{{json .IPAM.Config}}' bridge"), /"fd/);
});

test("--allow-direct-routing: a published port is reached at the container's own address too, nothing else is", async (t) => {
  const { host, outside, docker } = await flagged(t, ["--allow-direct-routing"]);
  await outside.sh(`ip route add 172.17.0.0/16 via ${HOST}`);
  await docker(`run -d --name ca -p 8001:80 busybox ${web("ca", 80, 81)}`);
  assert.equal(await http(outside, "http://172.17.0.2/"), "ca");
  assert.equal(await http(outside, `http://${HOST}:8001/`), "ca");
  assert.equal(await http(outside, "http://172.17.0.2:81/"), undefined);
  await docker("rm -f ca");
  assert.equal(await host.sh("nft list set inet fairway open4 | grep -c elements || true"), "0");
});

test("--default-gateway without --bip, and flags that cannot be", async (t) => {
  const { host, docker } = await flagged(t, ["--default-gateway", "172.17.0.77"]);
  assert.match(await docker("run --rm busybox ip route"), /default via 172\.17\.0\.77 dev eth0/);
  await host.daemon.stop();
  await assert.rejects(host.startDaemon(["--icc=false", "--iptables=false"]), /--icc/);
  await assert.rejects(host.startDaemon(["--bip", "10.3.0.0/24"]), /bip|network address/);
  await assert.rejects(host.startDaemon(["--bip", "10.3.0.1/24", "--default-gateway", "10.4.0.1"]), /not inside --bip/);
});

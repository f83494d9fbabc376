import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "#lab";
import { HOST6, OUTSIDE6, portStage, until } from "../ports/stage.ts";

/** A server beyond the host that answers each client with the address it sees. */
function mirror(t: { after(done: () => void): void }, outside: Host): void {
  const server = outside.spawn(["socat", "TCP6-LISTEN:7000,fork,reuseaddr,ipv6only=1", "SYSTEM:echo $SOCAT_PEERADDR"]);
  t.after(() => server.kill());
}

/** What that server sees of a container. */
async function seen(host: Host, container: string): Promise<string> {
  const { stdout } = await host.docker(["exec", container, "sh", "-c", `nc -w 2 ${OUTSIDE6} 7000 </dev/null`], {
    allowFailure: true,
    timeout: 30_000,
  });
  return compact(stdout.trim());
}

/** socat writes all eight groups of an address. */
const compact = (address: string): string =>
  address === "" ? "" : new URL(`http://[${address.replace(/[[\]]/g, "")}]/`).hostname.slice(1, -1);

const pings = async (host: Host, container: string, to: string) =>
  (await host.docker(["exec", container, "ping", "-c", "1", "-W", "2", to], { allowFailure: true, timeout: 30_000 })).code === 0;

test("--bip6, --fixed-cidr-v6 and --default-gateway-v6", async (t) => {
  const flags = ["--ipv6", "--bip6", "fd45::5/64", "--fixed-cidr-v6", "fd45::8000/113", "--default-gateway-v6", "fd45::9"];
  const { host, outside, docker } = await portStage(t, flags);
  mirror(t, outside);
  assert.match(await host.sh("ip -o -6 addr show docker0"), /fd45::5\/64/);
  await docker("run -d --name ca busybox sleep 1000");
  assert.match(await docker("exec ca ip -o -6 addr show eth0"), /fd45::8000\/64/);
  assert.match(await docker("exec ca ip -6 route"), /default via fd45::9 dev eth0/);
  assert.equal(await docker("inspect -f '{{.NetworkSettings.Networks.bridge.IPv6Gateway}}' ca"), "fd45::9");
  assert.equal(await pings(host, "ca", "fd45::5"), true);
  assert.equal(await seen(host, "ca"), "", "there is no such gateway yet");
  await host.sh("ip -6 addr add fd45::9/64 dev docker0 nodad");
  // Masqueraded behind a gateway of its user's, as soon as the container asks for its MAC again.
  await until(async () => (await seen(host, "ca")) === HOST6, 30_000);
  await host.daemon.restart();
  await until(async () => (await seen(host, "ca")) === HOST6, 30_000);
  assert.match(await docker("run --rm busybox ip -o -6 addr show eth0"), /fd45::8001\/64/);
});

test("--bip6 alone: its subnet is the network's", async (t) => {
  const { host, outside, docker } = await portStage(t, ["--ipv6", "--bip6", "fd46::1/64"]);
  mirror(t, outside);
  assert.equal(
    await docker("network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}};{{end}}' bridge"),
    "172.17.0.0/16 172.17.0.1;fd46::/64 fd46::1;",
  );
  await docker("run -d --name ca busybox sleep 1000");
  assert.match(await docker("exec ca ip -o -6 addr show eth0"), /fd46::2\/64/);
  assert.equal(await seen(host, "ca"), HOST6);
});

test("--default-gateway-v6 without --bip6", async (t) => {
  const { docker } = await portStage(t, ["--ipv6", "--fixed-cidr-v6", "fd4a::/64", "--default-gateway-v6", "fd4a::77"]);
  assert.match(await docker("run --rm busybox ip -6 route"), /default via fd4a::77 dev eth0/);
});

test("host_ipv6 and aux-address DefaultGatewayIPv6", async (t) => {
  const { host, outside, docker, dockerFails } = await portStage(t);
  mirror(t, outside);
  const other = HOST6.replace(/[^:]+$/, "99");
  await host.sh(`ip -6 addr add ${other}/64 dev eth0 nodad preferred_lft 0`);
  await docker(`network create --ipv6 --subnet fd47::/64 -o com.docker.network.host_ipv6=${other} snat`);
  await docker("run -d --name snat1 --network snat busybox sleep 1000");
  assert.equal(await seen(host, "snat1"), other);
  await host.daemon.restart();
  assert.equal(await seen(host, "snat1"), other);
  assert.match(await dockerFails("network create --ipv6 -o com.docker.network.host_ipv6=10.1.1.1 bad"), /invalid IPv6 address/);

  await docker(
    "network create --ipv6 --subnet fd48::/64 --aux-address DefaultGatewayIPv6=fd48::9 -o com.docker.network.bridge.name=aux0 aux",
  );
  assert.match(await host.sh("ip -o -6 addr show aux0"), /fd48::1\/64/);
  await docker("run -d --name aux1 --network aux busybox sleep 1000");
  assert.match(await docker("exec aux1 ip -6 route"), /default via fd48::9 dev eth0/);
  await host.sh("ip -6 addr add fd48::9/64 dev aux0 nodad");
  await until(async () => (await seen(host, "aux1")) === HOST6, 30_000);
  assert.match(
    await dockerFails("network create --internal --ipv6 --subnet fd49::/64 --aux-address DefaultGatewayIPv6=fd49::9 bad"),
    /no gateway can be set on an internal bridge network/,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, HOST6, http, httpIn, portStage, udp, until, web } from "./stage.ts";

test("a container on several networks", async (t) => {
  const { host, outside, docker } = await portStage(t);
  await outside.sh("ip addr add 192.168.99.1/32 dev lo");
  await docker("network create --subnet 10.81.0.0/24 aa");
  await docker("network create --subnet 10.82.0.0/24 bb");
  await docker("network create --subnet 10.83.0.0/24 cc");
  await docker("network create -d macvlan --subnet 192.168.56.0/24 --gateway 192.168.56.1 --ip-range 192.168.56.64/26 -o parent=eth0 lan");
  const gateway = async (name: string) =>
    /default via (\S+) dev (\S+)/
      .exec(await docker(`exec ${name} ip route`))
      ?.slice(1, 3)
      .join(" ");
  const addresses = async (name: string) =>
    Object.fromEntries(
      [...(await docker(`exec ${name} ip -o -4 addr`)).matchAll(/\d+: (eth\d+|lan0) +inet (\S+)/g)].map(([, link, address]) => [
        link,
        address,
      ]),
    );

  await t.test("interfaces are named in the order given, and after a restart", async () => {
    await docker("run -d --name order --network cc --network aa --network bb busybox sleep 1000");
    const expected = { eth0: "10.83.0.2/24", eth1: "10.81.0.2/24", eth2: "10.82.0.2/24" };
    assert.deepEqual(await addresses("order"), expected);
    await docker("restart -t 0 order");
    assert.deepEqual(await addresses("order"), expected);
    await docker("network disconnect aa order");
    await docker("network connect lan order");
    assert.deepEqual(Object.keys(await addresses("order")).sort(), ["eth0", "eth1", "eth2"]);
    await docker("rm -f order");
  });

  await t.test("the gateway is by priority, then by name; it moves, and published ports with it", async () => {
    await docker(`run -d --name gw --network bb -p 8080:80 -p 80 busybox ${web("gw", 80)}`);
    assert.equal(await gateway("gw"), "10.82.0.1 eth0");
    const ephemeral = (await docker("port gw")).match(/:(\d{5})/)?.[1];
    await docker("network connect aa gw");
    assert.equal(await gateway("gw"), "10.81.0.1 eth1");
    assert.equal(await http(outside, `http://${HOST}:8080/`), "gw");
    assert.equal(await http(outside, `http://${HOST}:${ephemeral}/`), "gw", "the ephemeral port has stayed");
    await docker("network connect --gw-priority 10 cc gw");
    assert.equal(await gateway("gw"), "10.83.0.1 eth2");
    assert.equal(await http(outside, `http://${HOST}:8080/`), "gw");
    assert.equal(await http(host, "http://[::1]:8080/"), "gw");
    await docker("network disconnect cc gw");
    assert.equal(await gateway("gw"), "10.81.0.1 eth1");
    await docker("network disconnect aa gw");
    assert.equal(await http(outside, `http://${HOST}:8080/`), "gw");
    assert.equal(await docker("exec gw ip rule"), await docker("run --rm busybox ip rule"), "rules are for several interfaces alone");
    await docker("rm -f gw");
  });

  await t.test("a port that was left open is one for IPv4 and IPv6, though different networks serve them", async () => {
    await docker("network create --subnet 10.84.0.0/24 only4");
    await docker("network create --ipv4=false --ipv6 --subnet fd84::/64 only6");
    const run = (name: string, ports: string) =>
      docker(`run -d --name ${name} --network only4 --network only6 ${ports} busybox ${web(name, 80)}`);
    const ports = async (name: string) => (await docker(`port ${name} 80`)).split("\n").map((line) => /^(.*):(\d+)$/.exec(line)!.slice(1));
    await run("before", "-p 0.0.0.0::80");
    await run("both", "-p 80");
    const [four, six] = await ports("both");
    assert.deepEqual([four![0], six![0], six![1]], ["0.0.0.0", "[::]", four![1]]);
    await until(async () => (await http(outside, `http://${HOST}:${four![1]}/`)) === "both");
    assert.equal(await http(outside, `http://[${HOST6}]:${four![1]}/`), "both");
    await docker("restart -t 0 both");
    assert.equal((await ports("both")).length, 2);
    assert.equal(new Set((await ports("both")).map(([, port]) => port)).size, 1);
    await run("chosen", "-p 8400-8410:80");
    assert.deepEqual(await ports("chosen"), [
      ["0.0.0.0", "8400"],
      ["[::]", "8400"],
    ]);
    await docker("rm -f before both chosen");
    await docker("network rm only4 only6");
  });

  await t.test("replies leave by the interface the request came in by", async () => {
    await docker(`create --name two --network name=aa,gw-priority=5 -p 8090:80 -p 8053:53/udp -v /:/host busybox ${web("two", 80)}`);
    await docker("network connect --ip 192.168.56.70 lan two");
    await docker("start two");
    // A server on all addresses answers from the address the route to the client has; one that is bound to its own does not.
    await docker("exec -d two chroot /host socat UDP4-RECVFROM:53,bind=10.81.0.2,fork SYSTEM:'echo two'");
    assert.equal(await gateway("two"), "10.81.0.1 eth0");
    // From the LAN, which the container is on too, by the host's published port: back through the bridge, or the client would not know who answers.
    assert.equal(await http(outside, `http://${HOST}:8090/`), "two");
    await until(async () => (await udp(outside, HOST, 8053)) === "two");
    // From beyond the LAN by its own address there: back through the LAN's router, not the bridge's.
    assert.equal(
      (
        await outside.exec(["curl", "-s", "-m", "3", "--interface", "192.168.99.1", "http://192.168.56.70/"], { allowFailure: true })
      ).stdout.trim(),
      "two",
    );
    assert.match((await outside.exec("ping -c 1 -W 1 -I 192.168.99.1 192.168.56.70", { allowFailure: true })).stdout, / 1 received/);
    // What the container begins follows the main table, and whatever its user adds to it.
    await docker("run -d --name router --network aa --ip 10.81.0.99 --cap-add NET_ADMIN busybox sleep 1000");
    await docker("exec router ip addr add 10.200.0.1/32 dev lo");
    await docker("exec --privileged two ip route add 10.200.0.1/32 via 10.81.0.99");
    assert.match(await docker("exec two ping -c 1 -W 1 10.200.0.1"), / 1 packets received/);
    await docker("network disconnect lan two");
    assert.equal(await http(outside, `http://${HOST}:8090/`), "two");
    await docker("rm -f two router");
  });

  await t.test("peers of every network reach it, and it them", async () => {
    await docker(`run -d --name hub --network aa --network bb --network cc busybox ${web("hub", 80)}`);
    for (const network of ["aa", "bb", "cc"]) {
      await docker(`run -d --name peer-${network} --network ${network} busybox ${web(network, 80)}`);
      assert.equal(await httpIn(host, `peer-${network}`, "http://hub/"), "hub");
      assert.equal(await httpIn(host, "hub", `http://peer-${network}/`), network);
    }
    await docker("rm -f hub peer-aa peer-bb peer-cc");
  });
});

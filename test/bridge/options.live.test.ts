import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, HOST6, http, httpIn, OUTSIDE, portStage, web } from "../ports/stage.ts";

const BRIDGE = "com.docker.network.bridge";

/** Every `-o` of the bridge driver that says what the device is like. */
test("options of the device", async (t) => {
  const { host, docker, dockerFails } = await portStage(t);
  const addresses = (device: string) => host.sh(`ip -o addr show dev ${device} | awk '{print $4}'`);

  await t.test("bridge.name: 15 characters are a name, 16 are refused with nothing left", async () => {
    await docker(`network create -o ${BRIDGE}.name=fifteen-letters --subnet 10.70.0.0/24 named`);
    assert.match(await addresses("fifteen-letters"), /^10\.70\.0\.1\/24/);
    assert.match(await dockerFails(`network create -o ${BRIDGE}.name=sixteen-letters0 n16`), /numerical result out of range/);
    assert.match(await dockerFails(`network create -o ${BRIDGE}.name=fifteen-letters n2`), /networks have same bridge name/);
    assert.match(await dockerFails(`network create -o ${BRIDGE}.name=eth0 n3`), /existing interface eth0 is not a bridge/);
    await docker("network rm named");
    assert.equal((await host.exec("ip link show fifteen-letters", { allowFailure: true })).code, 1);
    assert.equal(await docker("network ls -q --filter type=custom"), "");
  });

  await t.test("bridge.name of a bridge that is there: it works, and stays with the addresses it had", async () => {
    await host.sh(
      "ip link add own0 type bridge; ip addr add 10.71.0.1/24 dev own0; ip addr add 10.171.0.1/24 dev own0; ip link set own0 address 02:00:00:00:00:77",
    );
    await docker(`network create -o ${BRIDGE}.name=own0 --subnet 10.71.0.0/24 --gateway 10.71.0.1 adopted`);
    await docker("run -d --name adopted1 --network adopted busybox sleep 1000");
    assert.match(await docker("exec adopted1 ping -c 1 -W 2 10.71.0.1"), /1 packets received/);
    await docker("rm -f adopted1");
    await host.daemon.restart();
    await docker("network rm adopted");
    assert.match(await host.sh("ip -o link show own0"), /02:00:00:00:00:77/);
    assert.match(await addresses("own0"), /10\.71\.0\.1\/24[\s\S]*10\.171\.0\.1\/24/);
    await docker(`network create -o ${BRIDGE}.name=own0 --subnet 10.72.0.0/24 adopted`);
    assert.match(await addresses("own0"), /10\.72\.0\.1\/24/);
    await docker("network rm adopted");
    assert.doesNotMatch(await addresses("own0"), /10\.72/);
    await host.sh("ip link del own0");
  });

  await t.test("driver.mtu and container_iface_prefix", async () => {
    await docker(
      `network create -o com.docker.network.driver.mtu=1400 -o com.docker.network.container_iface_prefix=lan -o ${BRIDGE}.name=mtu0 mtu`,
    );
    await docker("run -d --name mtu1 --network mtu busybox sleep 1000");
    assert.match(await docker("exec mtu1 ip -o link show lan0"), /mtu 1400/);
    assert.match(await host.sh("ip -o link show mtu0"), /mtu 1400/);
    assert.match(await host.sh("ip -o link show master mtu0"), /mtu 1400/);
    assert.match(await docker("exec mtu1 ip route"), /default via \S+ dev lan0/);
    assert.match(await dockerFails("network create -o com.docker.network.driver.mtu=-1 bad"), /invalid MTU number: -1/);
    await docker("rm -f mtu1");
    await docker("network rm mtu");
  });

  await t.test("inhibit_ipv4: containers have the gateway, the bridge does not", async () => {
    await docker(`network create -o ${BRIDGE}.inhibit_ipv4=true -o ${BRIDGE}.name=inh0 --subnet 10.73.0.0/24 inh`);
    assert.match(await docker("run --rm --network inh busybox ip route"), /default via 10\.73\.0\.1 dev eth0/);
    assert.doesNotMatch(await addresses("inh0"), /10\.73/);
    await docker("network rm inh");
  });

  await t.test("aux-address DefaultGatewayIPv4: the gateway of containers is not the bridge's address", async () => {
    await docker(`network create -o ${BRIDGE}.name=aux0 --subnet 10.74.0.0/24 --aux-address DefaultGatewayIPv4=10.74.0.9 aux`);
    assert.match(await docker("run --rm --network aux busybox ip route"), /default via 10\.74\.0\.9 dev eth0/);
    assert.match(await addresses("aux0"), /10\.74\.0\.1\/24/);
    await docker("network rm aux");
    assert.match(
      await dockerFails("network create --internal --subnet 10.74.0.0/24 --aux-address DefaultGatewayIPv4=10.74.0.9 aux"),
      /no gateway can be set on an internal bridge network/,
    );
  });

  await t.test("subnets of every size", async () => {
    await docker("network create --subnet 0.0.0.0/28 any");
    assert.match(await docker("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' any"), /\/28$/);
    await docker("network create --subnet 10.75.0.0/31 two");
    assert.match(await docker("run --rm --network two busybox ip -o -4 addr show eth0"), /10\.75\.0\.1\/31/);
    await docker("network create --subnet 10.75.0.4/32 one");
    assert.match(
      await dockerFails("run --rm --network one busybox true"),
      /no available IPv4 addresses on this network's address pools: one/,
    );
    await docker("network create --subnet 10.76.0.0/24 --ip-range 10.76.0.128/25 ranged");
    assert.equal(await docker("network inspect -f '{{(index .IPAM.Config 0).Gateway}}' ranged"), "10.76.0.128");
    assert.match(await docker("run --rm --network ranged busybox ip -o -4 addr show eth0"), /10\.76\.0\.129\/24/);
    assert.match(await docker("run --rm --network ranged --ip 10.76.0.5 busybox ip -o -4 addr show eth0"), /10\.76\.0\.5\/24/);
    assert.match(await dockerFails("network create --subnet 10.76.0.0/24 --ip-range 10.76.0.0/25 ranged2"), /overlap/);
    await docker("container prune -f");
    await docker("network rm any two one ranged");
  });

  await t.test("names and configuration networks", async () => {
    await docker("network create --config-only --subnet 10.77.0.0/24 --label a=b -o com.docker.network.driver.mtu=1300 conf");
    assert.match(await dockerFails("network create conf"), /network with name conf already exists/);
    assert.match(await dockerFails("run --rm --network conf busybox true"), /configuration-only network|configuration network/);
    await docker("network create --config-from conf real");
    assert.equal(
      await docker("network inspect -f '{{(index .IPAM.Config 0).Subnet}} {{.Labels.a}} {{.ConfigFrom.Network}}' real"),
      "10.77.0.0/24 b conf",
    );
    assert.match(await docker("run --rm --network real busybox ip -o link show eth0"), /mtu 1300/);
    assert.match(await dockerFails("network rm conf"), /configuration network "conf" is in use/);
    await docker("container prune -f");
    await docker("network rm real");
    await docker("network rm conf");
  });
});

test("options of the traffic", async (t) => {
  const { host, outside, docker, dockerFails } = await portStage(t);
  const server = outside.spawn(["socat", "TCP-LISTEN:7000,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR"]);
  t.after(() => server.kill());
  const seen = async (container: string) =>
    (
      await host.docker(["exec", container, "sh", "-c", `nc -w 2 ${OUTSIDE} 7000 </dev/null`], { allowFailure: true, timeout: 30_000 })
    ).stdout.trim();
  const pings = async (container: string, to: string) =>
    (await host.docker(["exec", container, "ping", "-c", "1", "-W", "1", to], { allowFailure: true, timeout: 30_000 })).code === 0;

  await t.test("enable_icc=false: nothing between containers, everything else, with br_netfilter and without", async () => {
    await docker(`network create -o ${BRIDGE}.enable_icc=false --subnet 10.80.0.0/24 --ipv6 --subnet fd80::/64 noicc`);
    await docker(`run -d --name noicc1 --network noicc --ip 10.80.0.11 --ip6 fd80::11 -p 8011:80 busybox ${web("noicc1", 80)}`);
    await docker("run -d --name noicc2 --network noicc --ip 10.80.0.12 busybox sleep 1000");
    for (const value of [1, 0]) {
      await host.sh(`for i in iptables ip6tables; do sysctl -qw net.bridge.bridge-nf-call-$i=${value} || true; done`);
      for (const [own, gateway, published] of [
        ["10.80.0.11", "10.80.0.1", HOST],
        ["fd80::11", "fd80::1", `[${HOST6}]`],
      ] as const) {
        const state = `${own}, br_netfilter ${value}`;
        assert.equal(await pings("noicc2", own), false, state);
        assert.equal(await httpIn(host, "noicc2", `http://${own.includes(":") ? `[${own}]` : own}/`), undefined, state);
        assert.equal(await pings("noicc2", gateway), true, state);
        assert.equal(await httpIn(host, "noicc2", `http://${published}:8011/`), "noicc1", `a neighbour's published port: ${state}`);
        assert.equal(await httpIn(host, "noicc1", `http://${published}:8011/`), "noicc1", `its own: ${state}`);
        assert.equal(await http(outside, `http://${published}:8011/`), "noicc1", state);
      }
      assert.equal(await seen("noicc2"), HOST);
    }
  });

  await t.test("enable_ip_masquerade=false and host_ipv4: what outside sees", async () => {
    await outside.sh(`ip route add 10.81.0.0/24 via ${HOST}`);
    await host.sh("ip addr add 192.168.56.99/24 dev eth0");
    await docker(`network create -o ${BRIDGE}.enable_ip_masquerade=false --subnet 10.81.0.0/24 nomasq`);
    await docker("network create -o com.docker.network.host_ipv4=192.168.56.99 --subnet 10.82.0.0/24 snat");
    await docker("run -d --name nomasq1 --network nomasq --ip 10.81.0.11 busybox sleep 1000");
    await docker("run -d --name snat1 --network snat busybox sleep 1000");
    assert.equal(await seen("nomasq1"), "10.81.0.11");
    assert.equal(await seen("snat1"), "192.168.56.99");
    await docker("rm -f nomasq1 snat1");
  });

  await t.test("host_binding_ipv4", async () => {
    await docker(`network create -o ${BRIDGE}.host_binding_ipv4=127.0.0.1 --subnet 10.83.0.0/24 bound`);
    await docker(`run -d --name bound1 --network bound -p 8083:80 -p ${HOST}:8084:80 busybox ${web("bound1", 80)}`);
    assert.equal(await docker("port bound1 80"), `127.0.0.1:8083\n${HOST}:8084`);
    assert.equal(await http(host, "http://127.0.0.1:8083/"), "bound1");
    assert.equal(await http(outside, `http://${HOST}:8083/`), undefined);
    assert.equal(await http(outside, `http://${HOST}:8084/`), "bound1");
    assert.match(await dockerFails(`network create -o ${BRIDGE}.host_binding_ipv4=nope b2`), /nil ip/);
    await docker("rm -f bound1");
  });

  await t.test("trusted_host_interfaces: direct access from there alone", async () => {
    await outside.sh(`ip route add 10.84.0.0/23 via ${HOST}`);
    await docker(`network create -o ${BRIDGE}.trusted_host_interfaces=nic9:eth0 --subnet 10.84.0.0/24 trusting`);
    await docker("network create --subnet 10.85.0.0/24 wary");
    await docker(`run -d --name trusting1 --network trusting --ip 10.84.0.11 -p 8085:80 busybox ${web("trusting1", 80)}`);
    await docker(`run -d --name wary1 --network wary --ip 10.85.0.11 -p 8086:80 busybox ${web("wary1", 80)}`);
    assert.equal(await http(outside, "http://10.84.0.11/"), "trusting1");
    assert.equal(await http(outside, "http://10.85.0.11/"), undefined);
    await docker("rm -f trusting1 wary1");
  });

  await t.test("--internal: no gateway, the host gets in, nothing gets out", async () => {
    await docker("network create --internal --subnet 10.86.0.0/24 inside");
    await docker(`run -d --name inside1 --network inside --ip 10.86.0.11 -p 8087:80 busybox ${web("inside1", 80)}`);
    await docker("run -d --name inside2 --network inside busybox sleep 1000");
    assert.doesNotMatch(await docker("exec inside1 ip route"), /default/);
    assert.equal(await http(host, "http://10.86.0.11/"), "inside1");
    assert.equal(await httpIn(host, "inside2", "http://inside1/"), "inside1");
    await docker("run -d --name gap --network inside --cap-add NET_ADMIN busybox sleep 1000");
    await docker("exec gap ip route add default via 10.86.0.1");
    assert.equal(await seen("gap"), "", "a route of its own does not let it out");
    assert.equal(await http(outside, `http://${HOST}:8087/`), undefined);
    assert.equal(await docker("port inside1"), "");
    await docker("rm -f inside1 inside2 gap");
  });

  await t.test("isolation between bridges, and hairpin", async () => {
    await docker("network create --subnet 10.87.0.0/24 left");
    await docker("network create --subnet 10.88.0.0/24 right");
    await docker(`run -d --name left1 --network left --ip 10.87.0.11 -p 8088:80 busybox ${web("left1", 80, 81)}`);
    await docker("run -d --name left2 --network left busybox sleep 1000");
    await docker("run -d --name right1 --network right busybox sleep 1000");
    assert.equal(await pings("right1", "10.87.0.11"), false);
    assert.equal(await httpIn(host, "right1", "http://10.87.0.11/"), undefined, "the published port's own address");
    assert.equal(await httpIn(host, "right1", `http://${HOST}:8088/`), "left1");
    assert.equal(await httpIn(host, "right1", "http://10.88.0.1:8088/"), "left1");
    assert.equal(await httpIn(host, "right1", "http://10.87.0.1:8088/"), "left1");
    assert.equal(await httpIn(host, "left1", `http://${HOST}:8088/`), "left1", "itself");
    assert.equal(await httpIn(host, "left2", `http://${HOST}:8088/`), "left1", "a neighbour");
    await docker("rm -f left1 left2 right1");
  });
});

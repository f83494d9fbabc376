import assert from "node:assert/strict";
import { test } from "node:test";
import { hostEnd, ping } from "#lab";
import { BLOCKED, PINGS, pingFrom } from "./clients.ts";
import { parseIpAddr } from "./ip-output.ts";
import { HOST_ADDRESS, OUTSIDE_ADDRESS, stage } from "./stage.ts";

test("E09 macvlan on one host: a station of the LAN with its own MAC; the host cannot reach it", async (t) => {
  const { host, outside, docker } = await stage(t);
  // Flags and states aside: a bridge without ports is told to be down some time after it was made.
  const linksAndRules = () => host.sh("ip -o link | cut -d'<' -f1; nft list ruleset | grep -c 192.168.56 || true");
  const before = await linksAndRules();
  const id = await docker("network create -d macvlan --subnet=192.168.56.0/24 --gateway=192.168.56.1 -o parent=eth0 macvlan_net");

  await t.test("`network create` prints the id, `network list` driver and scope", async () => {
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.match(await docker("network list"), new RegExp(`^${id.slice(0, 12)}\\s+macvlan_net\\s+macvlan\\s+local\\s*$`, "m"));
  });

  const ids = [
    await docker("run -itd --name c1 --network macvlan_net --ip 192.168.56.31 busybox"),
    await docker("run -itd --name c2 --network macvlan_net --ip 192.168.56.32 busybox"),
  ];

  await t.test("inspect shows the containers' addresses and MACs, and the parent", async () => {
    const [network] = JSON.parse(await docker("network inspect macvlan_net"));
    const container = (name: string, address: string, mac: string, endpoint: { EndpointID: string }) => {
      assert.match(endpoint.EndpointID, /^[0-9a-f]{64}$/);
      return { Name: name, EndpointID: endpoint.EndpointID, MacAddress: mac, IPv4Address: `${address}/24`, IPv6Address: "" };
    };
    const [first = "", second = ""] = ids;
    assert.deepEqual(network.Containers, {
      [first]: container("c1", "192.168.56.31", "02:42:c0:a8:38:1f", network.Containers[first]),
      [second]: container("c2", "192.168.56.32", "02:42:c0:a8:38:20", network.Containers[second]),
    });
    const { Name, Id, Scope, Driver, EnableIPv6, Internal, Attachable, Ingress, ConfigFrom, ConfigOnly, Options, Labels } = network;
    assert.deepEqual(
      { Name, Id, Scope, Driver, EnableIPv6, Internal, Attachable, Ingress, ConfigFrom, ConfigOnly, Options, Labels },
      {
        ...{ Name: "macvlan_net", Id: id, Scope: "local", Driver: "macvlan", EnableIPv6: false, Internal: false, Attachable: false },
        ...{ Ingress: false, ConfigFrom: { Network: "" }, ConfigOnly: false, Options: { parent: "eth0" }, Labels: {} },
      },
    );
    assert.equal(network.IPAM.Driver, "default");
    assert.deepEqual(network.IPAM.Config, [{ Subnet: "192.168.56.0/24", Gateway: "192.168.56.1" }]);
    const settings = JSON.parse(await docker("inspect -f '{{json .NetworkSettings.Networks.macvlan_net}}' c1"));
    const { IPAddress, IPPrefixLen, Gateway, MacAddress, NetworkID, IPAMConfig } = settings;
    assert.deepEqual([IPAddress, IPPrefixLen, Gateway, MacAddress], ["192.168.56.31", 24, "192.168.56.1", "02:42:c0:a8:38:1f"]);
    assert.deepEqual([NetworkID, IPAMConfig], [id, { IPv4Address: "192.168.56.31" }]);
  });

  await t.test("the container's eth0 hangs on the host's, with the LAN's gateway", async () => {
    const index = (await host.sh("cat /sys/class/net/eth0/ifindex")).trim();
    const eth0 = parseIpAddr(await docker("exec c1 ip addr")).get("eth0");
    assert.deepEqual([eth0?.peer, eth0?.mac, eth0?.ipv4], [`if${index}`, "02:42:c0:a8:38:1f", ["192.168.56.31/24"]]);
    assert.match(await docker("exec c1 ip route"), /^default via 192\.168\.56\.1 dev eth0\s*$/m);
  });

  await t.test("no bridge and no NAT: the host has no new link, no rule, and the gateway sees the container's own address", async () => {
    assert.equal(await linksAndRules(), before);
    assert.deepEqual(await pingFrom(host, "c1", OUTSIDE_ADDRESS), PINGS);
    assert.match(await outside.sh("ip neigh show 192.168.56.31"), /02:42:c0:a8:38:1f/);
  });

  await t.test("container to container pings, and the LAN to the container", async () => {
    assert.deepEqual(await pingFrom(host, "c1", "192.168.56.32"), PINGS);
    assert.deepEqual(await pingFrom(host, "c2", "192.168.56.31"), PINGS);
    assert.deepEqual(await ping(hostEnd(outside, OUTSIDE_ADDRESS), "192.168.56.31"), PINGS);
  });

  await t.test("host to own container and back are blocked: the way leads out through eth0", async () => {
    assert.deepEqual(await ping(hostEnd(host, HOST_ADDRESS), "192.168.56.31"), BLOCKED);
    assert.deepEqual(await pingFrom(host, "c1", HOST_ADDRESS), BLOCKED);
    assert.match(await host.sh("ip route get 192.168.56.31"), /^192\.168\.56\.31 dev eth0 src 192\.168\.56\.11 /);
  });

  await t.test("names resolve between the containers", async () => {
    assert.deepEqual(await pingFrom(host, "c1", "c2"), PINGS);
  });

  await t.test("the network goes without a trace", async () => {
    await docker("rm -f c1 c2");
    await docker("network rm macvlan_net");
    assert.equal(await linksAndRules(), before);
  });
});

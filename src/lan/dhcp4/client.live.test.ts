/** What the client says, and what it makes of servers that no decent one is: a server of the test's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Poller } from "#kernel/ffi";
import { isolate } from "#kernel/netns";
import { clientIdOf, type Dhcp4Identity, Lan } from "../mod.ts";
import { Segment, until } from "../testing.ts";
import { FakeServer, granting, type Heard, REFUSING, replyBytes } from "./testing.ts";

const options = { skip: isolate({ tmpfs: ["/run"], sysfs: true }) ? false : "needs root" };
const MAC = "02:42:00:00:00:31";
const identity: Dhcp4Identity = { link: "eth0", mac: MAC, clientId: clientIdOf("c1/blue"), hostname: "web" };

function stage(answer: (request: Heard) => readonly Uint8Array[]) {
  const segment = new Segment();
  segment.station("srv", "192.168.56.2/24");
  const poller = new Poller();
  const lan = new Lan();
  const server = new FakeServer(poller, "/run/netns/srv", answer);
  const dispose = () => {
    for (const part of [server, poller, lan, segment]) part[Symbol.dispose]();
  };
  return { segment, lan, server, [Symbol.dispose]: dispose };
}

const grant = ({ type, xid, mac }: Heard): Uint8Array[] => {
  if (type === "discover") return [replyBytes(granting("offer"), { xid, mac })];
  return type === "request" ? [replyBytes(granting("ack"), { xid, mac })] : [];
};

test("`Lan` says in each state of RFC 2131 what its table 5 has, and tells the host name", options, async () => {
  using scene = stage(grant);
  const { lan, server, segment } = scene;
  const { lease } = await lan.acquireDhcp4({ ...identity, requested: "192.168.56.100" });
  await lan.acquireDhcp4({ ...identity, previous: lease });
  segment.container("c1", MAC, lease.cidr);
  const due = { ...lease, obtained: lease.obtained - 61_000 };
  await new Promise<void>((resolve) => {
    const keeping = lan.keepDhcp4({ ...identity, namespace: "/run/netns/c1" }, due, {
      onLease() {
        keeping[Symbol.dispose]();
        resolve();
      },
      onLost: assert.fail,
    });
  });
  lan.declineDhcp4(identity, lease);
  lan.releaseDhcp4(identity, lease);
  await until(() => server.heard.length === 6);
  const [address, none, serverId, hostname] = ["192.168.56.100", "0.0.0.0", "192.168.56.2", "web"];
  assert.deepEqual(
    server.heard.map(({ xid: _, mac, ...said }) => {
      assert.equal(mac, MAC);
      return said;
    }),
    [
      { type: "discover", broadcast: true, clientAddress: none, requested: address, serverId: "", hostname },
      { type: "request", broadcast: true, clientAddress: none, requested: address, serverId, hostname },
      { type: "request", broadcast: true, clientAddress: none, requested: address, serverId: "", hostname },
      { type: "request", broadcast: false, clientAddress: address, requested: "", serverId: "", hostname },
      { type: "decline", broadcast: false, clientAddress: none, requested: address, serverId, hostname: "" },
      { type: "release", broadcast: false, clientAddress: address, requested: "", serverId, hostname: "" },
    ],
  );
});

test("`Lan.acquireDhcp4()` takes no answer of another transaction or for another MAC, and none that grants nothing", options, async () => {
  using scene = stage((request) => {
    const { xid, mac } = request;
    const another = [xid[0]! ^ 1, ...xid.slice(1)];
    const type = request.type === "discover" ? "offer" : "ack";
    return [
      replyBytes(REFUSING, { xid: another, mac }),
      replyBytes(granting(type), { xid: another, mac }),
      replyBytes(granting(type), { xid, mac: "02:42:00:00:00:99" }),
      replyBytes(granting(type).slice(0, 3).concat(255), { xid, mac }),
      replyBytes(granting(type === "offer" ? "ack" : "offer"), { xid, mac }),
      ...grant(request),
    ];
  });
  const { lease } = await scene.lan.acquireDhcp4(identity);
  assert.deepEqual([lease.cidr, lease.server, lease.lease], ["192.168.56.100/24", "192.168.56.2", 120]);
  assert.deepEqual(
    scene.server.heard.map(({ type }) => type),
    ["discover", "request"],
  );
});

test("`Lan.acquireDhcp4()` gives a server that refuses what it offers some rest, and says so in the end", options, async () => {
  using scene = stage(({ type, xid, mac }) => [replyBytes(type === "discover" ? granting("offer") : REFUSING, { xid, mac })]);
  await assert.rejects(scene.lan.acquireDhcp4({ ...identity, timeout: 2500 }), {
    category: "unavailable",
    message: /the server offered an address and refused or forgot it [23] times within 3 s/,
  });
  // A second apart at least.
  assert.ok(scene.server.heard.length <= 6, `${scene.server.heard.length} messages`);
});

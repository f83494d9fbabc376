import assert from "node:assert/strict";
import { test } from "node:test";
import { portStage, until } from "../ports/stage.ts";
import { NameClient, namespaceOf } from "./client.ts";

/** A container that can ask: the host's files are in /host, dig among them. */
const ASKER = "-v /:/host";
const SLEEP = "busybox sleep 10000";

test("names of containers", async (t) => {
  const { host, docker } = await portStage(t);
  const dig = async (container: string, question: string, options = "") =>
    (await docker(`exec ${container} chroot /host dig @127.0.0.11 +tries=1 +time=2 ${options} +short ${question}`)).split("\n").sort();
  const status = async (container: string, question: string) =>
    /status: (\w+).*ANSWER: (\d+)/s
      .exec(await docker(`exec ${container} chroot /host dig @127.0.0.11 +tries=1 +time=2 ${question}`))
      ?.slice(1)
      .join(" ");

  await docker("network create --subnet 10.71.0.0/24 red");
  await docker("network create --ipv6 --subnet 10.72.0.0/24 --subnet fd72::/64 blue.net");
  const id = await docker(`run -d --name web --hostname www.example.org --network red --ip 10.71.0.10 --network-alias Shop ${SLEEP}`);
  await docker("network connect --alias shop6 --ip 10.72.0.10 --ip6 fd72::10 blue.net web");
  await docker(`run -d --name asker ${ASKER} --network red --ip 10.71.0.20 ${SLEEP}`);
  await docker(`run -d --name both ${ASKER} --network blue.net --ip6 fd72::20 ${SLEEP}`);
  await docker("network connect red both");

  await t.test("name, alias, short id and hostname, in any letter case, bare and with the network's name", async () => {
    for (const name of ["web", "WEB", "shop", "SHOP", id.slice(0, 12), "www.example.org", "web.red", "Shop.Red", `${id.slice(0, 12)}.red`])
      assert.deepEqual(await dig("asker", name), ["10.71.0.10"], name);
    assert.deepEqual(await dig("both", "web.blue.net"), ["10.72.0.10"]);
    assert.deepEqual(await dig("both", "web.red"), ["10.71.0.10"]);
    assert.deepEqual(await dig("both", "shop6"), ["10.72.0.10"]);
    assert.deepEqual(await dig("both", "web AAAA"), ["fd72::10"]);
  });

  await t.test("what is known but not of that family or type is empty, not unknown; what is another network's is unknown", async () => {
    assert.equal(await status("asker", "web AAAA"), "NOERROR 0");
    assert.equal(await status("asker", "web MX"), "NOERROR 0");
    assert.equal(await status("asker", "shop6"), "NXDOMAIN 0");
    assert.equal(await status("asker", "web.blue.net A +norecurse"), await status("asker", "nothing.blue.net A +norecurse"));
    assert.equal(await status("asker", "nobody"), "NXDOMAIN 0");
  });

  await t.test("the other way round", async () => {
    assert.deepEqual(await dig("asker", "-x 10.71.0.10"), ["web.red."]);
    assert.deepEqual(await dig("both", "-x fd72::10"), ["web.blue.net."]);
  });

  await t.test("services: the ports that a container exposes or publishes, by name or number", async () => {
    await docker(`run -d --name srv --network red --ip 10.71.0.40 --expose 80 -p 9000-9004:9000-9004/udp ${SLEEP}`);
    for (const [question, answer] of [
      ["_http._tcp.srv", "0 0 80 srv.red."],
      ["_80._tcp.srv.red", "0 0 80 srv.red."],
      ["_9003._udp.srv", "0 0 9003 srv.red."],
      ["_9003._tcp.srv", ""],
      ["_http._udp.srv", ""],
    ] as const)
      assert.deepEqual(await dig("asker", `${question} SRV`), [answer], question);
    await docker("rm -f srv");
  });

  await t.test("by TCP, by busybox and by the C library", async () => {
    assert.deepEqual(await dig("asker", "web", "+tcp"), ["10.71.0.10"]);
    assert.match(await docker("exec asker nslookup web"), /Address[^\n]*10\.71\.0\.10/);
    assert.match(await docker("exec asker ping -c 1 -W 1 shop"), /PING shop \(10\.71\.0\.10\)/);
  });

  await t.test("an alias of several is all of them, shuffled", async () => {
    for (const n of [1, 2, 3]) await docker(`run -d --name pool${n} --network red --ip 10.71.0.10${n} --network-alias pool ${SLEEP}`);
    assert.deepEqual(await dig("asker", "pool"), ["10.71.0.101", "10.71.0.102", "10.71.0.103"]);
    const orders = new Set<string>();
    for (let turn = 0; turn < 30; turn++) orders.add(await docker("exec asker chroot /host dig @127.0.0.11 +short pool"));
    assert.ok(orders.size > 2, [...orders].join("; "));
    await docker("rm -f pool1 pool2 pool3");
  });

  await t.test("a server of the container's own on port 53 works beside it", async () => {
    await docker(`run -d --name own ${ASKER} --network red ${SLEEP}`);
    await docker(
      "exec -d own chroot /host dnsmasq -k -u root -C /dev/null -p 53 --no-resolv --no-hosts --address=/mine.test/10.9.9.9 --pid-file=",
    );
    const address = await docker("inspect -f '{{.NetworkSettings.Networks.red.IPAddress}}' own");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await docker(`exec asker chroot /host dig @${address} +short mine.test`), "10.9.9.9");
    assert.equal(await docker("exec own chroot /host dig @127.0.0.1 +short mine.test"), "10.9.9.9");
    assert.deepEqual(await dig("own", "web"), ["10.71.0.10"]);
    await docker("rm -f own");
  });

  await t.test("--link on a user-defined network is a private alias, whose target may come later", async () => {
    await docker(`run -d --name linker ${ASKER} --network red --link later:database --link web ${SLEEP}`);
    assert.equal(await status("linker", "database"), "NXDOMAIN 0");
    await docker(`run -d --name later --network red --ip 10.71.0.30 ${SLEEP}`);
    assert.deepEqual(await dig("linker", "database"), ["10.71.0.30"]);
    assert.deepEqual(await dig("linker", "database.red"), ["10.71.0.30"]);
    assert.equal(await status("asker", "database"), "NXDOMAIN 0");
    assert.doesNotMatch(await docker("exec linker env"), /DATABASE/);
    assert.doesNotMatch(await docker("exec linker cat /etc/hosts"), /database/);
    await docker("rm -f linker later");
  });

  await t.test("on a macvlan network as on a bridge", async () => {
    await docker("network create -d macvlan --subnet 192.168.56.0/24 --ip-range 192.168.56.64/26 -o parent=eth0 lan");
    await docker(`run -d --name lan1 --network lan --ip 192.168.56.71 --network-alias printer ${SLEEP}`);
    await docker(`run -d --name lan2 ${ASKER} --network lan ${SLEEP}`);
    for (const name of ["lan1", "printer", "lan1.lan"]) assert.deepEqual(await dig("lan2", name), ["192.168.56.71"], name);
    assert.deepEqual(await dig("lan2", "-x 192.168.56.71"), ["lan1.lan."]);
    assert.equal(await status("lan2", "web"), "NXDOMAIN 0");
    assert.match(await docker("exec lan2 ping -c 1 -W 1 printer"), / 1 packets received/);
    await docker("rm -f lan1 lan2");
    await docker("network rm lan");
  });

  await t.test("a name that means two containers is the first network's, and an event", async () => {
    await docker(`run -d --name db1 --network red --ip 10.71.0.41 --network-alias db ${SLEEP}`);
    await docker(`run -d --name db2 --network blue.net --network-alias db ${SLEEP}`);
    const id = await docker(`create --name torn ${ASKER} --network name=red,gw-priority=1 ${SLEEP}`);
    await docker("network connect blue.net torn");
    await docker("start torn");
    assert.deepEqual(await dig("torn", "db"), ["10.71.0.41"]);
    // `0s` is the beginning of this second.
    const told = () =>
      docker(`events --since 10m --until 0s --filter event=conflict --format '{{json .Actor.Attributes}}' | grep ${id} || true`);
    await until(async () => (await told()) !== "");
    assert.deepEqual(JSON.parse(await told()), { container: id, dnsName: "db", hidden: "blue.net", name: "red", type: "bridge" });
    await docker("rm -f db1 db2 torn");
  });

  await t.test("a container that has flushed its own nftables is drift, and is repaired", async () => {
    await docker(`run -d --name flusher --privileged ${ASKER} --network red ${SLEEP}`);
    await docker("exec flusher chroot /host nft flush ruleset");
    await docker("exec flusher chroot /host dig @127.0.0.11 +tries=1 +time=1 web").then(assert.fail, () => {});
    const { code, stdout } = await host.exec([
      `${import.meta.dirname}/../../bin/fairway`,
      "-H",
      `unix://${host.socket}`,
      "drift",
      "--repair",
    ]);
    assert.deepEqual([code, /container +flusher/.test(stdout)], [0, true], stdout);
    assert.deepEqual(await dig("flusher", "web"), ["10.71.0.10"]);
    await docker("rm -f flusher");
  });

  await t.test("a daemon that was killed and started again answers as before", async () => {
    await host.daemon.kill();
    await host.daemon.start();
    assert.deepEqual(await dig("asker", "web"), ["10.71.0.10"]);
    assert.deepEqual(await dig("asker", "web", "+tcp"), ["10.71.0.10"]);
  });
});

test("an answer is right from the instant something changes: 200 operations", async (t) => {
  const { host, docker } = await portStage(t);
  const api = async (method: string, path: string, body?: unknown) => {
    const answer = await host.daemon.api(method, `/v1.47${path}`, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  };
  await docker("network create --subnet 10.73.0.0/24 now");
  await docker(`run -d --name asker --network now ${SLEEP}`);
  await docker(`create --name fox --network now --ip 10.73.0.50 --network-alias den ${SLEEP}`);
  await docker(`run -d --name hare --network now --ip 10.73.0.60 ${SLEEP}`);
  using client = new NameClient(await namespaceOf(host, "asker"));
  const NAMES = ["fox", "vixen", "den", "hole", "hare"];
  const connect = (address: string, alias: string) =>
    api("POST", "/networks/now/connect", {
      Container: "fox",
      EndpointConfig: { IPAMConfig: { IPv4Address: address }, Aliases: [alias] },
    });
  const disconnect = () => api("POST", "/networks/now/disconnect", { Container: "fox" });
  const hare = "10.73.0.60";
  const away = { hare };
  const home = { fox: "10.73.0.50", den: "10.73.0.50", hare };
  const operations: readonly (readonly [what: string, act: () => Promise<void>, then: Readonly<Record<string, string>>])[] = [
    ["start", () => api("POST", "/containers/fox/start"), home],
    ["rename", () => api("POST", "/containers/fox/rename?name=vixen"), { vixen: "10.73.0.50", den: "10.73.0.50", hare }],
    ["rename back", () => api("POST", "/containers/vixen/rename?name=fox"), home],
    ["disconnect", disconnect, away],
    ["connect elsewhere", () => connect("10.73.0.51", "hole"), { fox: "10.73.0.51", hole: "10.73.0.51", hare }],
    ["disconnect again", disconnect, away],
    ["connect as before", () => connect("10.73.0.50", "den"), home],
    ["restart of another", () => api("POST", "/containers/hare/restart?t=0"), home],
    ["restart", () => api("POST", "/containers/fox/restart?t=0"), home],
  ];
  for (let turn = 0; turn < 20; turn++) {
    for (const [what, act, then] of operations) {
      await act();
      assert.deepEqual(await client.addresses(NAMES), then, `${what}, turn ${turn}`);
    }
    await api("POST", turn % 2 === 0 ? "/containers/fox/stop?t=0" : "/containers/fox/kill");
    assert.deepEqual(await client.addresses(NAMES), away, `stop or kill, turn ${turn}`);
  }
  await t.test("a container that dies by itself is gone with it", async () => {
    await docker("run -d --name brief --network now busybox sleep 1");
    await docker("wait brief");
    assert.deepEqual(await client.addresses(["brief"]), {});
  });
});

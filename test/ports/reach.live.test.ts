import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, HOST6, hostServer, http, httpIn, OUTSIDE, OUTSIDE6, portStage, web } from "./stage.ts";

/** Who the server says its client is: the last word, without the brackets of a mapped address. */
const client = (answer: string | undefined): string | undefined =>
  answer
    ?.split(" ")
    .at(-1)
    ?.replace(/^\[(::ffff:)?(.*)\]$/, "$2");

test("a published port is reached from everywhere, and nothing else is", async (t) => {
  const { host, outside, docker } = await portStage(t);
  await docker("network create --subnet 10.61.0.0/24 four");
  await docker("network create --ipv6 --subnet 10.62.0.0/24 --subnet fd62::/64 both");
  await docker("network create --ipv6 --ipv4=false --subnet fd66::/64 six");
  await docker("network create --subnet 10.63.0.0/24 elsewhere");
  await docker(`run -d --name four1 --network four --ip 10.61.0.10 -p 8004:80 busybox ${web("four1", 80, 81)}`);
  await docker(`run -d --name both1 --network both --ip 10.62.0.10 --ip6 fd62::10 -p 8046:80 busybox ${web("both1", 80)}`);
  await docker(`run -d --name six1 --network six --ip6 fd66::10 -p 8006:80 busybox ${web("six1", 80)}`);
  for (const network of ["four", "both", "six", "elsewhere"])
    await docker(`run -d --name peer-${network} --network ${network} busybox sleep 1000`);
  await docker("run -d --name peer-bridge busybox sleep 1000");

  await t.test("inspect and `docker port` list both families", async () => {
    assert.equal(await docker("port four1"), "80/tcp -> 0.0.0.0:8004\n80/tcp -> [::]:8004");
    assert.equal(await docker("port both1 80"), "0.0.0.0:8046\n[::]:8046");
    assert.equal(await docker("port six1"), "80/tcp -> [::]:8006");
  });

  await t.test("from outside, by either family, with the client's address kept where the kernel translates", async () => {
    assert.equal(client(await http(outside, `http://${HOST}:8004/cgi-bin/who`)), OUTSIDE);
    assert.equal(client(await http(outside, `http://${HOST}:8046/cgi-bin/who`)), OUTSIDE);
    assert.equal(client(await http(outside, `http://[${HOST6}]:8046/cgi-bin/who`)), OUTSIDE6);
    assert.equal(client(await http(outside, `http://[${HOST6}]:8006/cgi-bin/who`)), OUTSIDE6);
    assert.match((await http(outside, `http://[${HOST6}]:8004/cgi-bin/who`)) ?? "", /^four1 /, "relayed to a container without IPv6");
    assert.equal(await http(outside, `http://${HOST}:8006/`), undefined, "no IPv4 to go to");
  });

  await t.test("from the host: its loopback, its own addresses, the bridge's", async () => {
    for (const [address, port, name] of [
      ["127.0.0.1", 8004, "four1"],
      ["127.1.2.3", 8004, "four1"],
      ["[::1]", 8004, "four1"],
      [HOST, 8004, "four1"],
      [`[${HOST6}]`, 8004, "four1"],
      ["10.61.0.1", 8004, "four1"],
      ["127.0.0.1", 8046, "both1"],
      ["[::1]", 8046, "both1"],
      [HOST, 8046, "both1"],
      [`[${HOST6}]`, 8046, "both1"],
      ["[fd62::1]", 8046, "both1"],
      ["[::1]", 8006, "six1"],
      [`[${HOST6}]`, 8006, "six1"],
    ] as const) {
      assert.equal(await http(host, `http://${address}:${port}/`), name, `${address}:${port}`);
    }
  });

  await t.test("from containers: the same one, a peer, other bridges", async () => {
    for (const from of ["four1", "peer-four", "both1", "peer-both", "peer-elsewhere", "peer-bridge"]) {
      for (const address of [HOST, "172.17.0.1"]) {
        assert.equal(await httpIn(host, from, `http://${address}:8004/`), "four1", `${from} to ${address}:8004`);
        assert.equal(await httpIn(host, from, `http://${address}:8046/`), "both1", `${from} to ${address}:8046`);
      }
    }
    for (const from of ["both1", "peer-both", "six1", "peer-six"]) {
      assert.equal(await httpIn(host, from, `http://[${HOST6}]:8046/`), "both1", `${from} to [${HOST6}]:8046`);
      assert.equal(await httpIn(host, from, `http://[${HOST6}]:8006/`), "six1", `${from} to [${HOST6}]:8006`);
      assert.equal(await httpIn(host, from, `http://[${HOST6}]:8004/`), "four1", `${from} to [${HOST6}]:8004`);
    }
  });

  await t.test("containers cannot be reached around it: directly routed, or on ports that are not published", async () => {
    await outside.sh(
      `ip route add 10.61.0.0/24 via ${HOST}; ip route add 10.62.0.0/24 via ${HOST}; ip -6 route add fd62::/64 via ${HOST6}`,
    );
    const closed = ["http://10.61.0.10/", "http://10.61.0.10:81/", "http://10.62.0.10/", "http://[fd62::10]/", `http://${HOST}:81/`];
    const fromOutside = await Promise.all(closed.map((url) => http(outside, url)));
    assert.deepEqual(fromOutside.filter(Boolean), []);
    await Promise.all(
      closed.slice(0, 2).map(async (url) => {
        assert.equal(await httpIn(host, "peer-elsewhere", url), undefined, url);
        assert.equal(await httpIn(host, "peer-four", url), "four1", url);
      }),
    );
  });
});

test("ports bound to one address are served there alone", async (t) => {
  const { host, outside, docker } = await portStage(t);
  await host.sh("ip addr add 192.168.56.111/24 dev eth0");
  await docker("network create --ipv6 --subnet fd62::/64 both");
  const opts = ["127.0.0.1:8001:80", "192.168.56.111:8002:80", "[::1]:8003:80", `[${HOST6}]:8004:80`, "[::]:8005:80"].map((p) => `-p ${p}`);
  await docker(`run -d --name one --network both ${opts.join(" ")} busybox ${web("one", 80)}`);
  const gatewayOf = (network: string) => docker(`network inspect -f '{{(index .IPAM.Config 1).Gateway}}' ${network}`);
  const reached = async (from: typeof host, urls: readonly string[]) => {
    const answers = await Promise.all(urls.map((url) => http(from, `http://${url}/`)));
    return urls.filter((_, index) => answers[index] === "one");
  };
  const every = ["127.0.0.1", HOST, "192.168.56.111", "[::1]", `[${HOST6}]`].flatMap((address) =>
    [8001, 8002, 8003, 8004, 8005].map((port) => `${address}:${port}`),
  );
  assert.deepEqual(await reached(host, every), [
    "127.0.0.1:8001",
    "192.168.56.111:8002",
    "[::1]:8003",
    "[::1]:8005",
    `[${HOST6}]:8004`,
    `[${HOST6}]:8005`,
  ]);
  assert.deepEqual(
    await reached(
      outside,
      every.filter((url) => !url.startsWith("127.") && !url.startsWith("[::1]")),
    ),
    ["192.168.56.111:8002", `[${HOST6}]:8004`, `[${HOST6}]:8005`],
  );

  await t.test("127.0.0.1 is the host's alone, also where somebody routes 127/8 to it and it takes that in", async () => {
    const localnet = "sysctl -qw net.ipv4.conf.all.route_localnet=1";
    const routed = (by: string) =>
      `${localnet}; ip route del local 127.0.0.0/8 dev lo table local; ip route del local 127.0.0.1 dev lo table local; ip route add 127.0.0.0/8 via ${by}`;
    const server = await hostServer(host, "TCP4-LISTEN:7777,bind=127.0.0.1", "host's");
    await host.sh(localnet);
    await outside.sh(routed(HOST));
    await docker(`run -d --name intruder --privileged --network both busybox sh -c "${routed(await gatewayOf("both"))}; exec sleep 1000"`);
    const pid = await docker("inspect -f '{{.State.Pid}}' intruder");
    for (const inside of [[], ["nsenter", "-t", pid, "-n"]]) {
      const at = inside.length > 0 ? host : outside;
      // What the kernel itself says back is counted where it arrives: one who sent from 127/8 would not be listened to.
      assert.match(await at.sh([...inside, "ip", "route", "get", "127.0.0.1"]), /^127\.0\.0\.1 via /);
      const nft = (command: string) => at.sh([...inside, "nft", command]);
      await nft("add table ip ear; add chain ip ear in { type filter hook prerouting priority raw; }");
      await nft("add rule ip ear in ip saddr 127.0.0.1 tcp flags & (syn | ack) == syn | ack counter");
      const answers = async (port: number) => {
        await at.exec([...inside, "socat", "-u", `TCP4:127.0.0.1:${port},connect-timeout=1`, "-"], { allowFailure: true });
        return Number(/packets (\d+)/.exec(await nft("list table ip ear"))?.[1]);
      };
      assert.equal(await answers(8001), 0);
      assert.equal((await answers(7777)) > 0, at === outside, "what is the host's own is the administrator's wish; not so from a bridge");
      assert.equal(await http(host, "http://127.0.0.1:8001/"), "one");
    }
    await server.kill();
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, HOST6, http, httpIn, OUTSIDE, OUTSIDE6, portStage, web } from "../ports/stage.ts";

const MODE = "com.docker.network.bridge.gateway_mode_ipv";

test("gateway modes: what reaches a container from outside, and what outside sees of it", async (t) => {
  const { host, outside, docker } = await portStage(t);
  await outside.sh(`ip route add 10.90.0.0/16 via ${HOST}; ip -6 route add fd90::/16 via ${HOST6}`);
  const modes = ["nat", "nat-unprotected", "routed"] as const;
  for (const [index, mode] of modes.entries()) {
    const subnets = `--ipv6 --subnet 10.90.${index}.0/24 --subnet fd90:${index}::/64`;
    await docker(`network create ${subnets} -o ${MODE}4=${mode} -o ${MODE}6=${mode} ${mode}`);
    const addresses = `--ip 10.90.${index}.11 --ip6 fd90:${index}::11`;
    await docker(`run -d --name ${mode}1 --network ${mode} ${addresses} -p 809${index}:80 busybox ${web(mode, 80, 81)}`);
  }
  const pings = async (address: string) => (await outside.exec(["ping", "-c", "1", "-W", "1", address], { allowFailure: true })).code === 0;
  const code = async (url: string) => (await http(outside, url)) !== undefined;

  for (const [index, mode] of modes.entries()) {
    for (const [address, hostAddress] of [
      [`10.90.${index}.11`, HOST],
      [`fd90:${index}::11`, HOST6],
    ] as const) {
      const url = (of: string, port: number) => (of.includes(":") ? `http://[${of}]:${port}/` : `http://${of}:${port}/`);
      await t.test(`${mode}, ${address}`, async () => {
        assert.deepEqual(
          {
            mapped: await code(url(hostAddress, 8090 + index)),
            published: await code(url(address, 80)),
            other: await code(url(address, 81)),
            ping: await pings(address),
          },
          {
            nat: { mapped: true, published: false, other: false, ping: false },
            "nat-unprotected": { mapped: true, published: true, other: true, ping: true },
            routed: { mapped: false, published: true, other: false, ping: true },
          }[mode],
        );
      });
    }
  }

  await t.test("source seen outside", async () => {
    const four = outside.spawn(["socat", "TCP-LISTEN:7000,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR"]);
    const six = outside.spawn(["socat", "TCP6-LISTEN:7001,ipv6only=1,fork,reuseaddr", "SYSTEM:echo $SOCAT_PEERADDR"]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const [mode, v4, v6] of [
      ["nat", HOST, "[fd56:0000:0000:0000:0000:0000:0000:0011]"],
      ["nat-unprotected", HOST, "[fd56:0000:0000:0000:0000:0000:0000:0011]"],
      ["routed", "10.90.2.11", "[fd90:0002:0000:0000:0000:0000:0000:0011]"],
    ] as const) {
      assert.equal(await docker(`exec ${mode}1 sh -c 'nc -w 2 ${OUTSIDE} 7000 </dev/null'`), v4, mode);
      assert.equal(await docker(`exec ${mode}1 sh -c 'nc -w 2 ${OUTSIDE6} 7001 </dev/null'`), v6, mode);
    }
    four.kill();
    six.kill();
  });

  await t.test("inspect", async () => {
    const ports = async (mode: string) => JSON.parse(await docker(`inspect -f '{{json .NetworkSettings.Ports}}' ${mode}1`));
    assert.deepEqual(await ports("nat"), {
      "80/tcp": [
        { HostIp: "0.0.0.0", HostPort: "8090" },
        { HostIp: "::", HostPort: "8090" },
      ],
    });
    assert.deepEqual(await ports("routed"), {
      "80/tcp": [
        { HostIp: "0.0.0.0", HostPort: "" },
        { HostIp: "::", HostPort: "" },
      ],
    });
  });

  await t.test("routed: another bridge reaches the opened port alone", async () => {
    assert.equal(await httpIn(host, "nat1", "http://10.90.2.11/"), "routed");
    assert.equal(await httpIn(host, "nat1", "http://10.90.2.11:81/"), undefined);
  });
});

test("isolated: only with --internal; the bridge has no address and the first container has .1", async (t) => {
  const { host, docker, dockerFails } = await portStage(t);
  assert.match(
    await dockerFails(`network create -o ${MODE}4=isolated iso`),
    /gateway mode 'isolated' can only be used for an internal network/,
  );
  assert.match(await dockerFails(`network create -o ${MODE}4=zz iso`), /unknown gateway mode zz/);
  await docker(`network create --internal -o ${MODE}4=isolated -o com.docker.network.bridge.name=iso0 --subnet 10.91.0.0/24 iso`);
  assert.equal(await host.sh("ip -o -4 addr show dev iso0"), "");
  await docker(`run -d --name iso1 --network iso busybox ${web("iso1", 80)}`);
  assert.match(await docker("exec iso1 ip -o -4 addr show eth0"), /10\.91\.0\.1\/24/);
  assert.equal(await docker("exec iso1 sh -c 'ip route | grep ^default || true'"), "");
  await docker("run -d --name iso2 --network iso busybox sleep 1000");
  assert.equal(await httpIn(host, "iso2", "http://10.91.0.1/"), "iso1");
  assert.equal(await http(host, "http://10.91.0.1/"), undefined);
});

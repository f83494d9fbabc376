import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { OUTSIDE, portStage, until } from "../ports/stage.ts";
import { NameClient, namespaceOf } from "./client.ts";
import { asked, upstream } from "./upstream-server.ts";

const ASKER = "-v /:/host";
const SLEEP = "busybox sleep 10000";
const REFUSED = 5;

test("unknown names go to the right server from the right place", async (t) => {
  const { host, outside, docker } = await portStage(t);
  const first = await upstream(outside, OUTSIDE, "10.1.1.1");
  const dig = (container: string, question: string) =>
    docker(`exec ${container} chroot /host dig @127.0.0.11 +tries=1 +time=3 +short ${question}`).catch((error: Error) => error.message);
  const status = async (container: string, question: string) =>
    /status: (\w+)/.exec(
      await docker(`exec ${container} chroot /host dig @127.0.0.11 +tries=1 +time=3 ${question}`).catch((error: Error) => error.message),
    )?.[1];
  const resolvConf = (text: string) => writeFileSync(`${host.directory}/resolv.conf`, text);
  await docker("network create red");
  await docker("network create --internal closed");
  await docker(`run -d --name asker ${ASKER} --network red ${SLEEP}`);

  await t.test("the host's, asked from the host", async () => {
    assert.equal(await dig("asker", "out.example.test"), "10.1.1.1");
    assert.ok(asked(first).includes("out.example.test 192.168.56.11"), asked(first).join());
  });

  await t.test("single labels, `internal` and a container's own names never leave", async () => {
    const before = asked(first).length;
    for (const name of [
      "nobody",
      "db.internal",
      "internal",
      "a.b.INTERNAL",
      "asker",
      "asker AAAA",
      "asker TXT",
      "asker HTTPS",
      "localhost",
      "nobody MX",
      "asker.red AAAA",
    ])
      await status("asker", name);
    await docker("exec asker ping -c 1 -W 1 nobody").catch(() => {});
    assert.deepEqual(asked(first).slice(before), []);
    assert.equal(await status("asker", "nobody"), "NXDOMAIN");
    assert.equal(await status("asker", "db.internal"), "NXDOMAIN");
  });

  await t.test("from an internal network nothing is forwarded", async () => {
    await docker(`run -d --name shut ${ASKER} --network closed ${SLEEP}`);
    const before = asked(first).length;
    assert.equal(await status("shut", "out.example.test"), "NXDOMAIN");
    assert.deepEqual(asked(first).slice(before), []);
    assert.match(await docker("exec shut nslookup shut"), /Address/);
    await docker("network connect red shut");
    assert.equal(await dig("shut", "open.example.test"), "10.1.1.1", "with a network that has a way out");
    await docker("network disconnect red shut");
    assert.equal(await status("shut", "out2.example.test"), "NXDOMAIN");
  });

  await t.test("a resolver of an internal network's own is asked, from the container", async () => {
    await docker("network create --internal --subnet 10.70.0.0/24 sealed");
    await docker(`run -d --name warden ${ASKER} --network sealed --ip 10.70.0.9 ${SLEEP}`);
    await docker("exec -d warden chroot /host dnsmasq -k -u root -C /dev/null --no-resolv --no-hosts --address=/test/10.7.7.7 --pid-file=");
    await docker(`run -d --name kept ${ASKER} --network sealed --dns 10.70.0.9 ${SLEEP}`);
    await until(async () => (await dig("kept", "own.example.test")) === "10.7.7.7");
    const before = asked(first).length;
    await docker(`run -d --name stray ${ASKER} --network sealed --dns ${OUTSIDE} ${SLEEP}`);
    assert.equal(await status("stray", "out.example.test"), "SERVFAIL");
    assert.deepEqual(asked(first).slice(before), []);
    await docker("rm -f warden kept stray");
  });

  await t.test("the embedded server is not asked by itself", async () => {
    await docker(`run -d --name mirror ${ASKER} --network red --dns 127.0.0.11 ${SLEEP}`);
    assert.match(await docker("exec mirror cat /etc/resolv.conf"), /^# NO EXTERNAL NAMESERVERS DEFINED$/m);
    assert.equal(await status("mirror", "out.example.test"), "SERVFAIL");
    await docker("rm -f mirror");
  });

  await t.test("a container that floods is refused some, and the others nothing", async () => {
    await docker(`run -d --name flood --network red ${SLEEP}`);
    using client = new NameClient(await namespaceOf(host, "flood"));
    let sent = 0;
    const flood = setInterval(() => {
      for (let burst = 0; burst < 100; burst++) client.send(`f${sent++}.example.test`);
    }, 5);
    try {
      await until(async () => (client.rcodes.get(REFUSED) ?? 0) > 1000, 60_000);
      for (let turn = 0; turn < 10; turn++) assert.equal(await dig("asker", `calm${turn}.example.test`), "10.1.1.1");
    } finally {
      clearInterval(flood);
    }
    await docker("rm -f flood");
  });

  await t.test("--dns is asked from the container", async () => {
    await docker(`run -d --name resolver ${ASKER} --network red ${SLEEP}`);
    const address = await docker("inspect -f '{{.NetworkSettings.Networks.red.IPAddress}}' resolver");
    await docker(
      "exec -d resolver chroot /host dnsmasq -k -u root -C /dev/null --no-resolv --no-hosts --address=/test/10.4.4.4 --pid-file=",
    );
    await docker(`run -d --name chooser ${ASKER} --network red --dns ${address} ${SLEEP}`);
    await until(async () => (await dig("chooser", "own.example.test")) === "10.4.4.4");
    // A container's own loopback, where the host has nobody.
    await docker(`run -d --name looper ${ASKER} --network red --dns 127.0.0.1 ${SLEEP}`);
    await docker("exec -d looper chroot /host dnsmasq -k -u root -C /dev/null --no-resolv --no-hosts --address=/test/10.5.5.5 --pid-file=");
    await until(async () => (await dig("looper", "own.example.test")) === "10.5.5.5");
    await docker("rm -f resolver chooser looper");
  });

  await t.test("the host's loopback resolver, as systemd-resolved's, and changes of the host's file are followed", async () => {
    await docker(`run -d --name plain ${ASKER} ${SLEEP}`);
    await docker(`run -d --name edited --network red ${SLEEP}`);
    await docker("exec edited sh -c 'echo nameserver 10.8.8.8 >/etc/resolv.conf'");
    assert.match(await docker("exec plain cat /etc/resolv.conf"), /^nameserver 192\.168\.56\.1$/m);
    const second = await upstream(host, "127.0.0.53", "10.2.2.2");
    resolvConf("nameserver 127.0.0.53\nsearch example.org\n");
    await until(async () => (await dig("asker", "now.example.test")) === "10.2.2.2");
    assert.ok(asked(second).includes("now.example.test 127.0.0.1"), asked(second).join());
    assert.match(await docker("exec asker cat /etc/resolv.conf"), /^nameserver 127\.0\.0\.11\nsearch example\.org\n/m);
    assert.match(await docker("exec asker cat /etc/resolv.conf"), /^# ExtServers: \[host\(127\.0\.0\.53\)\]$/m);
    assert.match(await docker("exec plain cat /etc/resolv.conf"), /^nameserver 8\.8\.8\.8$/m, "loopback is nothing to a container");
    assert.equal(await docker("exec edited cat /etc/resolv.conf"), "nameserver 10.8.8.8");
    resolvConf(`nameserver ${OUTSIDE}\n`);
    await until(async () => (await dig("asker", "back.example.test")) === "10.1.1.1");
    await until(async () => /^nameserver 192\.168\.56\.1$/m.test(await docker("exec plain cat /etc/resolv.conf")));
    assert.equal(await docker("exec edited cat /etc/resolv.conf"), "nameserver 10.8.8.8");
    await second.kill();
  });

  await t.test("an empty file, garbage, and no file", async () => {
    for (const text of ["", "\u0000\u0001 nameserver\nnameserver not-an-address\noptions ndots:x\n", "nameserver\n".repeat(1000)]) {
      resolvConf(text);
      await until(async () => /NO EXTERNAL NAMESERVERS DEFINED/.test(await docker("exec asker cat /etc/resolv.conf")));
      // dig itself refuses to start with such a file.
      assert.match(await docker("exec asker sh -c 'nslookup out3.example.test; true'"), /SERVFAIL/);
      assert.match(await docker("exec asker nslookup asker"), /Address/);
      await docker(`run --rm --network red ${ASKER} busybox true`);
    }
    resolvConf(`nameserver ${OUTSIDE}\n`);
    await until(async () => (await dig("asker", "back.example.test")) === "10.1.1.1");
  });

  await t.test("a server that is dead is done without", async () => {
    resolvConf(`nameserver 192.168.56.77\nnameserver ${OUTSIDE}\n`);
    await until(async () => (await dig("asker", "dead0.example.test")) === "10.1.1.1");
    for (let turn = 1; turn <= 5; turn++) assert.equal(await dig("asker", `dead${turn}.example.test`), "10.1.1.1");
    resolvConf(`nameserver ${OUTSIDE}\n`);
  });
  await first.kill();
});

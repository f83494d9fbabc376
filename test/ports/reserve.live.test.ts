import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, hostServer, http, portStage, udp, udpServer, until, web } from "./stage.ts";

test("host ports are really held", async (t) => {
  const { host, outside, docker, dockerFails } = await portStage(t);

  await t.test("a program of the host gets EADDRINUSE, whatever it sets, and every address is held", async () => {
    await docker(`run -d --name held -p 8080:80 -p 8053:53/udp busybox ${web("held", 80)}`);
    for (const listener of [
      "TCP4-LISTEN:8080",
      "TCP4-LISTEN:8080,reuseaddr",
      "TCP4-LISTEN:8080,bind=127.0.0.1,reuseaddr",
      "TCP6-LISTEN:8080,ipv6only=1,reuseaddr",
      "UDP4-RECV:8053",
      "UDP4-RECV:8053,bind=127.0.0.1",
      "UDP6-RECV:8053,ipv6only=1",
    ]) {
      const { code, stderr } = await host.exec(["timeout", "2", "socat", "-u", listener, "-"], { allowFailure: true });
      assert.ok(code !== 0 && code !== 124 && /Address already in use/.test(stderr), `${listener}: ${code} ${stderr}`);
    }
    await docker("rm -f held");
  });

  await t.test("a port that a program has is refused, in Docker's words", async () => {
    for (const [listener, port] of [
      ["TCP4-LISTEN:9001", "9001:80"],
      ["TCP4-LISTEN:9002,bind=127.0.0.1", "9002:80"],
      ["UDP4-RECVFROM:9003", "9003:80/udp"],
      ["TCP6-LISTEN:9004,ipv6only=1", "[::]:9004:80"],
    ] as const) {
      const server = await hostServer(host, listener, "x");
      assert.match(
        await dockerFails(`run -d --name refused -p ${port} busybox sleep 9`),
        /driver failed programming external connectivity on endpoint refused \([0-9a-f]{64}\): failed to bind host port \S+:900\d\/(tcp|udp): address already in use: it is held by socat \(pid \d+\)/,
        listener,
      );
      await server.kill();
      await docker("rm -f refused");
    }
    // One address taken leaves the others.
    const server = await hostServer(host, "TCP4-LISTEN:9005,bind=127.0.0.1", "x");
    await docker(`run -d --name beside -p ${HOST}:9005:80 busybox ${web("beside", 80)}`);
    assert.equal(await http(outside, `http://${HOST}:9005/`), "beside");
    await server.kill();
    await docker("rm -f beside");
  });

  await t.test("a client's TIME_WAIT does not hold the port against the next container", async () => {
    for (let turn = 0; turn < 3; turn++) {
      await docker(`run -d --name again -p 8090:80 busybox ${web(`turn${turn}`, 80)}`);
      assert.equal(await http(host, "http://[::1]:8090/"), `turn${turn}`);
      assert.equal(await http(host, "http://127.0.0.1:8090/"), `turn${turn}`);
      await docker("rm -f again");
    }
  });

  await t.test("no process a port, and nothing left behind", async () => {
    const processes = async () => Number(await host.sh("ls /proc | grep -c '^[0-9]'"));
    const before = await host.state();
    const count = await processes();
    await docker("run -d --name many -p 10000-10063:10000-10063 -p 20000-20063:20000-20063/udp busybox sleep 1000");
    const more = (await processes()) - count;
    assert.ok(more < 16, `conmon, the container and what is just ending, not one for each of 128 ports: ${more}`);
    await docker("rm -f many");
    await until(async () => (await host.sh("ss -Hltun '( sport >= :10000 and sport <= :20063 )'")) === "");
    assert.deepEqual((await host.state()).links, before.links);
  });
});

test("UDP flows follow the mappings", async (t) => {
  const { host, outside, docker } = await portStage(t);
  const serve = (name: string) => docker(`run -d --name ${name} -p 5353:53/udp -v /:/host busybox ${udpServer(53, name)}`);

  await t.test("from everywhere, by IPv4 and ::1", async () => {
    await serve("u1");
    for (const [from, address] of [
      [outside, HOST],
      [host, "127.0.0.1"],
      [host, HOST],
      [host, "::1"],
    ] as const)
      await until(async () => (await udp(from, address, 5353)) === "u1");
    await docker("rm -f u1");
  });

  await t.test("a client that keeps its source port gets the container of now", async () => {
    // Before: nobody, then a program of the host; the client never changes its port.
    const program = host.spawn(["socat", "UDP4-RECVFROM:5353,fork", "SYSTEM:echo program"]);
    await until(async () => (await udp(outside, HOST, 5353, "a", 7001)) === "program");
    await program.kill();
    await serve("u2");
    await until(async () => (await udp(outside, HOST, 5353, "b", 7001)) === "u2");
    await docker("rm -f u2");
    await serve("u3");
    await until(async () => (await udp(outside, HOST, 5353, "c", 7001)) === "u3");
    await docker("rm -f u3");
  });

  await t.test("flows that only use the same port elsewhere stay", async () => {
    const upstream = outside.spawn(["socat", "UDP4-RECVFROM:5353,fork", "SYSTEM:echo upstream"]);
    await docker("run -d --name client -v /:/host busybox sleep 1000");
    assert.equal(await docker("exec client sh -c 'echo q | chroot /host socat -t 5 - UDP4:192.168.56.1:5353,sourceport=6001'"), "upstream");
    const flows = () => host.sh("conntrack -L -p udp 2>/dev/null | grep 'dport=5353 ' | grep -c 'dst=192.168.56.1 ' || true");
    assert.equal(await flows(), "1");
    await serve("u4");
    await docker("rm -f u4");
    assert.equal(await flows(), "1", "a container's own flow to a server outside on that port");
    await upstream.kill();
  });
});

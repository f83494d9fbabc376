import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, http, portStage, web } from "./stage.ts";

test("every form of -p", async (t) => {
  const { host, outside, docker, dockerFails } = await portStage(t);
  const ports = async (name: string) => (await docker(`port ${name}`)).split("\n").filter((line) => line !== "");
  const clear = () => docker("ps -aq").then((ids) => (ids === "" ? "" : docker(`rm -f ${ids.split("\n").join(" ")}`)));

  await t.test("host address, host port, container port, protocol; ranges one to one", async () => {
    await docker(
      `run -d --name forms -p 127.0.0.1:8080:80 -p 8081:80/tcp -p 5353:53/udp -p 9000-9002:7000-7002 -p 127.0.0.1:9100-9101:7100-7101 -p 6000-6001:6000-6001/udp busybox ${web("forms", 80, 7001)}`,
    );
    assert.deepEqual(await ports("forms"), [
      "53/udp -> 0.0.0.0:5353",
      "53/udp -> [::]:5353",
      "80/tcp -> 0.0.0.0:8081",
      "80/tcp -> 127.0.0.1:8080",
      "80/tcp -> [::]:8081",
      "6000/udp -> 0.0.0.0:6000",
      "6000/udp -> [::]:6000",
      "6001/udp -> 0.0.0.0:6001",
      "6001/udp -> [::]:6001",
      "7000/tcp -> 0.0.0.0:9000",
      "7000/tcp -> [::]:9000",
      "7001/tcp -> 0.0.0.0:9001",
      "7001/tcp -> [::]:9001",
      "7002/tcp -> 0.0.0.0:9002",
      "7002/tcp -> [::]:9002",
      "7100/tcp -> 127.0.0.1:9100",
      "7101/tcp -> 127.0.0.1:9101",
    ]);
    assert.equal(await http(outside, `http://${HOST}:9001/`), "forms");
    assert.equal(await http(host, "http://127.0.0.1:8080/"), "forms");
    await clear();
  });

  await t.test("the first free port of a range; none left", async () => {
    for (const name of ["r1", "r2"]) await docker(`run -d --name ${name} -p 8500-8501:80 busybox ${web(name, 80)}`);
    assert.deepEqual(
      [await ports("r1"), await ports("r2")].map(([first]) => first),
      ["80/tcp -> 0.0.0.0:8500", "80/tcp -> 0.0.0.0:8501"],
    );
    assert.match(await dockerFails("run -d --name r3 -p 8500-8501:80 busybox sleep 9"), /all ports are allocated/);
    assert.equal(await docker("inspect -f '{{.State.Status}}' r3"), "created");
    assert.equal(await http(outside, `http://${HOST}:8501/`), "r2");
    await docker("stop -t 0 r1");
    await docker("start r3");
    assert.equal((await ports("r3"))[0], "80/tcp -> 0.0.0.0:8500");
    await clear();
  });

  await t.test("ephemeral ports, -P and ip_local_reserved_ports", async () => {
    await host.sh(
      "echo 40000-40001 >/proc/sys/net/ipv4/ip_local_reserved_ports; echo '40000 40004' >/proc/sys/net/ipv4/ip_local_port_range",
    );
    await docker(`run -d --name e1 -p 80 busybox ${web("e1", 80)}`);
    await docker(`run -d --name e2 -P --expose 80 --expose 81/udp busybox ${web("e2", 80)}`);
    await docker(`run -d --name e3 -p 127.0.0.1::80 busybox ${web("e3", 80)}`);
    const given = async (name: string) => (await ports(name)).map((line) => Number(line.slice(line.lastIndexOf(":") + 1)));
    const [first] = await given("e1");
    assert.equal(first, 40002);
    assert.deepEqual(await given("e1"), [40002, 40002], "the same on both families");
    assert.equal(await http(outside, `http://${HOST}:40002/`), "e1");
    assert.deepEqual(await ports("e2"), [
      "80/tcp -> 0.0.0.0:40003",
      "80/tcp -> [::]:40003",
      "81/udp -> 0.0.0.0:40002",
      "81/udp -> [::]:40002",
    ]);
    assert.deepEqual(await ports("e3"), ["80/tcp -> 127.0.0.1:40004"]);
    assert.match(await dockerFails("run -d -p 80 busybox sleep 9"), /all ports are allocated/);
    await clear();
  });

  await t.test("what cannot be asked for", async () => {
    for (const [form, words] of [
      ["70000:80", /[Ii]nvalid (hostPort|port)/],
      ["80:70000", /[Ii]nvalid (containerPort|port)/],
      ["8000-8003:80-81", /[Ii]nvalid ranges/],
      ["1.2.3.4.5:80:80", /[Ii]nvalid (ip|IP) address/],
      ["80:80/icmp", /[Ii]nvalid proto/],
      [
        "1.2.3.4:81:80",
        /driver failed programming external connectivity on endpoint .* \([0-9a-f]{64}\): failed to bind host port 1\.2\.3\.4:81\/tcp: cannot assign requested address/,
      ],
      ["82:80/sctp", /failed to create socket for 0\.0\.0\.0:82\/sctp: protocol not supported/],
    ] as const) {
      assert.match(await dockerFails(`run -d --name bad -p ${form} busybox true`), words, form);
      await clear();
    }
    // What the CLI would not let through.
    for (const [key, binding, words] of [
      ["80/tcp", { HostPort: "99999" }, 'invalid port specification: "99999"'],
      ["80/tcp", { HostPort: "9-3" }, 'invalid port specification: "9-3"'],
      ["0/tcp", { HostPort: "1" }, 'invalid port specification: "0/tcp"'],
      ["80/tcp", { HostIp: "nonsense", HostPort: "1" }, "nonsense"],
    ] as const) {
      const answer = await host.daemon.api("POST", "/v1.47/containers/create", {
        ...{ Image: "busybox", Cmd: ["true"], ExposedPorts: { [key]: {} }, HostConfig: { PortBindings: { [key]: [binding] } } },
      });
      assert.equal(answer.status, 400, answer.text);
      assert.ok((JSON.parse(answer.text) as { message: string }).message.includes(words), answer.text);
    }
  });

  await t.test("ports are free again when their container stops, and come back with it", async () => {
    await docker(`run -d --name aa -p 8600:80 busybox ${web("aa", 80)}`);
    await docker("stop -t 0 aa");
    assert.deepEqual(await ports("aa"), []);
    assert.equal(await host.sh("ss -Hltn sport = :8600"), "");
    await docker(`run -d --name bb -p 8600:80 busybox ${web("bb", 80)}`);
    assert.equal(await http(outside, `http://${HOST}:8600/`), "bb");
    assert.match(await dockerFails("start aa"), /Bind for 0\.0\.0\.0:8600 failed: port is already allocated.*container "bb"/);
    await docker("rm -f bb");
    await docker("start aa");
    assert.equal(await http(outside, `http://${HOST}:8600/`), "aa");
    await clear();
  });

  await t.test("`ps` filters by published and exposed port", async () => {
    await docker("run -d --name p1 -p 8700:80 busybox sleep 1000");
    await docker("run -d --name p2 --expose 90-92 busybox sleep 1000");
    await docker("run -d --name p3 -p 8701:53/udp busybox sleep 1000");
    const named = async (filter: string) => (await docker(`ps --format '{{.Names}}' --filter ${filter}`)).split("\n").sort();
    assert.deepEqual(await named("publish=8700"), ["p1"]);
    assert.deepEqual(await named("publish=8701/udp"), ["p3"]);
    assert.deepEqual(await named("publish=8600-8800/tcp"), ["p1"]);
    assert.deepEqual(await named("publish=80"), [""], "the host's port is meant");
    assert.deepEqual(await named("expose=91"), ["p2"]);
    assert.deepEqual(await named("expose=80"), ["p1"]);
    assert.match(await docker("ps --filter name=p1 --format '{{.Ports}}'"), /^0\.0\.0\.0:8700->80\/tcp, (\[::\]|:::?):?8700->80\/tcp$/);
    assert.equal(await docker("ps --filter name=p2 --format '{{.Ports}}'"), "90-92/tcp");
    await clear();
  });

  await t.test("a daemon that was killed serves them again, and a port that somebody took meanwhile is the one that is lost", async () => {
    await docker(`run -d --name kk -p 8800:80 -p 8801:80 busybox ${web("kk", 80)}`);
    await host.daemon.kill();
    assert.equal(await http(outside, `http://${HOST}:8800/`), "kk", "by the kernel, without a daemon");
    const thief = host.spawn(["socat", "TCP-LISTEN:8801,fork,reuseaddr", "SYSTEM:echo thief"]);
    await host.daemon.start();
    assert.equal(await http(outside, `http://${HOST}:8800/`), "kk");
    assert.equal(await http(host, "http://[::1]:8800/"), "kk");
    assert.match(await dockerFails("run -d -p 8800:80 busybox true"), /8800 failed: port is already allocated/);
    await thief.kill();
    await clear();
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { OUTSIDE, portStage, until } from "../ports/stage.ts";
import { NameClient, namespaceOf } from "./client.ts";
import { upstream } from "./upstream-server.ts";

const SLEEP = "busybox sleep 10000";

test("the host's resolv.conf is followed however it is replaced", async (t) => {
  const { host, outside, docker } = await portStage(t);
  // A /etc of the host's own: elsewhere in the lab the file is mounted, and a mount can be written to but not replaced.
  await host.sh("cp -a /etc /run/etc && mount --bind /run/etc /etc");
  const linkLocal = (await outside.sh("ip -6 -o addr show dev eth0 scope link")).split(/\s+/)[3]!.replace(/\/.*/, "");
  await upstream(outside, linkLocal, "10.1.1.1");
  await upstream(host, "127.0.0.53", "10.5.3.53");
  await docker("network create red");
  await docker(`run -d --name asker --network red ${SLEEP}`);
  await docker(`run -d --name plain ${SLEEP}`);
  using client = new NameClient(await namespaceOf(host, "asker"));
  let question = 0;
  /** A name that nobody has asked for. */
  const answers = async (address: string | undefined) => {
    await until(async () => {
      const name = `n${question++}.example.test`;
      return (await client.addresses([name]))[name] === address;
    }, 20_000);
  };
  const plainHas = (line: RegExp) => until(async () => line.test(await docker("exec plain cat /etc/resolv.conf")), 20_000);
  const replace = (text: string) => host.sh(`printf '${text}' >/etc/resolv.conf.new; mv /etc/resolv.conf.new /etc/resolv.conf`);

  await t.test("by a rename", async () => {
    await replace("nameserver 127.0.0.53\\n");
    await answers("10.5.3.53");
    await plainHas(/^nameserver 8\.8\.8\.8$/m);
    await replace(`nameserver ${OUTSIDE}\\n`);
    await answers("10.1.1.1");
    await plainHas(/^nameserver 192\.168\.56\.1$/m);
  });

  await t.test("by a link to systemd-resolved's stub, whose list is for those who cannot reach the stub", async () => {
    await host.sh(`mkdir -p /run/systemd/resolve; cd /run/systemd/resolve; echo nameserver 127.0.0.53 >stub-resolv.conf
      echo nameserver 192.168.56.77 >resolv.conf; ln -s ../run/systemd/resolve/stub-resolv.conf /etc/new; mv /etc/new /etc/resolv.conf`);
    await answers("10.5.3.53");
    await plainHas(/^nameserver 192\.168\.56\.77$/m);
    await host.sh("echo nameserver 192.168.56.78 >/run/systemd/resolve/resolv.conf");
    await plainHas(/^nameserver 192\.168\.56\.78$/m);
    await answers("10.5.3.53");
  });

  await t.test("by nothing, by a directory, and by a link to nothing", async () => {
    for (const loss of ["rm", "mkdir", "rmdir /etc/resolv.conf; ln -s /nowhere"]) {
      await host.sh(`${loss} /etc/resolv.conf`);
      await answers(undefined);
      assert.deepEqual(Object.keys(await client.addresses(["asker"])), ["asker"]);
    }
  });

  await t.test("by one with a link-local server of IPv6", async () => {
    await replace(`nameserver ${linkLocal}%%eth0\\n`);
    await answers("10.1.1.1");
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { containerEnd, type Host, hostEnd, pingMatrix } from "#lab";
import { lanStage } from "./lan-stage.ts";
import { APART, CONTAINER_NAMES, LAN, OPEN, REFLECTED } from "./reach.ts";

const macOf = (host: Host) => host.sh("cat /sys/class/net/eth0/address");

test("E11 macvlan modes: bridge, vepa, private, passthru, behind a plain and a reflecting switch", async (t) => {
  const stage = await lanStage(t);
  const { lab, h1, h2 } = stage;
  const reflecting = async (reflectiveRelay: boolean) => {
    for (const name of ["h1", "h2"]) await lab.setPort(name, { reflectiveRelay });
  };
  const expected = {
    bridge: { plain: LAN },
    // Reflected, a frame also comes back from the switch to the host itself.
    vepa: { plain: APART, reflected: OPEN },
    private: { plain: APART, reflected: REFLECTED },
  } as const;

  for (const [mode, grids] of Object.entries(expected)) {
    await t.test(`mode ${mode}`, async () => {
      await stage.createLan("macvlan", `-o parent=eth0 -o macvlan_mode=${mode}`);
      await stage.run(...CONTAINER_NAMES);
      const link = await h1.dockerOutput("inspect -f '{{.State.Pid}}' c11");
      assert.match(await h1.sh(`nsenter -t ${link} -n ip -d link show eth0`), new RegExp(`macvlan mode ${mode} `));
      await stage.reach(grids.plain, `${mode}, plain switch`);
      if ("reflected" in grids) {
        await reflecting(true);
        await stage.reach(grids.reflected, `${mode}, reflecting switch`);
        await reflecting(false);
      }
      await stage.clear();
    });
  }

  await t.test("mode passthru: one container a parent, with the parent's MAC; a second is refused", async () => {
    const macs = { h1: await macOf(h1), h2: await macOf(h2) };
    await stage.createLan("macvlan", "-o parent=eth0 -o macvlan_mode=passthru");
    const network = await h1.dockerOutput("network inspect -f '{{.Id}}' lan");
    for (const mode of ["passthru", "bridge"]) {
      const words =
        mode === "passthru"
          ? `cannot use mode passthru, macvlan network ${network} is already using parent interface eth0`
          : `macvlan network ${network} is already using parent interface eth0 in mode passthru`;
      assert.equal(
        await stage.dockerFails(h1, `network create -d macvlan --subnet 10.7.0.0/24 -o parent=eth0 -o macvlan_mode=${mode} more`),
        words,
      );
    }
    await stage.run("c11", "c21");
    for (const [host, name] of [
      [h1, "c11"],
      [h2, "c21"],
    ] as const) {
      assert.equal(await host.dockerOutput(`exec ${name} cat /sys/class/net/eth0/address`), macs[host.name as "h1" | "h2"]);
      assert.equal(
        await host.dockerOutput(`inspect -f '{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}' ${name}`),
        macs[host.name as "h1" | "h2"],
      );
      assert.equal(await macOf(host), macs[host.name as "h1" | "h2"]);
    }
    const grid = "    c11 c21\nc11 -  ok\nc21 ok -";
    await stage.reach(grid, "passthru");
    // The kernel hands every frame that comes in to the one link, so the host itself is off the LAN for as long.
    const ends = [hostEnd(h1, "192.168.56.11"), hostEnd(h2, "192.168.56.12"), containerEnd(h2, "c21", "192.168.56.41")];
    const off = "    h1 h2 c21\nh1 -  X  X\nh2 X  -  X\nc21 X X  -";
    const matrix = await pingMatrix(ends, { expected: off });
    assert.deepEqual(matrix.differences(off), [], matrix.render());

    assert.match(
      await stage.dockerFails(h1, "run -d --name second --network lan --ip 192.168.56.33 busybox"),
      /mode passthru allows one macvlan on a parent, and eth0 carries another$/m,
    );
    await h1.docker("rm -f second", { allowFailure: true });
    assert.match(
      await stage.dockerFails(h1, "run -d --name second --network lan --mac-address 02:00:00:00:00:09 busybox"),
      /macvlan passthru interfaces do not support custom mac address assignment/,
    );
    await stage.reach(grid, "passthru, after the refusal");
    await stage.clear();
    const hosts = "   h1 h2\nh1 -  ok\nh2 ok -";
    await stage.reach(hosts, "the hosts have their LAN back");
    assert.deepEqual({ h1: await macOf(h1), h2: await macOf(h2) }, macs);
  });
});

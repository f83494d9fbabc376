import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabProcess } from "#lab";
import { HOST, http, OUTSIDE, portStage, until, web } from "./stage.ts";

/** Sends a line every 20 ms, and prints what comes back. */
const CHATTER = (to: string) => `sh -c "while sleep 0.02; do echo line; done | socat - TCP4:${to}"`;
/** What `firewall-cmd --reload` and `systemctl restart nftables` do: all that there is goes, and the administrator's own comes. */
const RELOAD = `flush ruleset
table inet managed {
  chain input { type filter hook input priority filter; policy accept; ct state invalid drop; }
}
`;

test("the host's firewall", async (t) => {
  const { host, outside, docker } = await portStage(t);
  const nft = (command: string) => host.sh(["nft", command]);
  const serves = () => until(async () => (await http(outside, `http://${HOST}:8080/`)) === "web", 20_000);
  const blocked = async () => (await outside.exec(`curl -s -m 1 http://${HOST}:8080/`, { allowFailure: true })).stdout === "";
  await docker(`run -d --name web -p 8080:80 -p 7:7 -v /:/host busybox ${web("web", 80)}`);

  await t.test("connections in use live through a flush, a reload and the loss of our table; new ones come back at once", async () => {
    await docker("exec -d web chroot /host socat TCP-LISTEN:7,fork,reuseaddr EXEC:cat");
    const echo = outside.spawn(["socat", "TCP-LISTEN:7,fork,reuseaddr", "EXEC:cat"]);
    const pid = await docker("inspect -f '{{.State.Pid}}' web");
    await until(async () => (await host.sh(`nsenter -t ${pid} -n ss -Hltn sport = :7`)) !== "");
    const inward = outside.spawn(CHATTER(`${HOST}:7`));
    const outward = host.spawn(`nsenter -t ${pid} -n ${CHATTER(`${OUTSIDE}:7`)}`);
    const lines = (process: LabProcess) => process.stdout.split("\n").length;
    const goOn = async (what: string) => {
      for (const process of [inward, outward]) {
        const before = lines(process);
        await until(async () => lines(process) > before + 10 || process.code !== undefined, 20_000);
        assert.equal(process.code, undefined, `${what}: ${process.command}: ${process.stderr}`);
      }
    };
    await goOn("before");
    for (const loss of ["nft flush ruleset", `printf '${RELOAD}' | nft -f -`, "nft delete table inet fairway"]) {
      await host.sh(loss);
      await serves();
      await goOn(loss);
    }
    assert.match(await nft("list tables"), /inet managed/, "the administrator's own stays");
    for (const process of [inward, outward, echo]) await process.kill();
  });

  await t.test("the chain `user` is asked first, and outlives flushes, restarts and crashes of the daemon", async () => {
    await nft(`add rule inet fairway user ip saddr ${OUTSIDE} tcp dport 80 drop`);
    const drops = async (when: string) => {
      assert.match(await nft("list chain inet fairway user"), /192\.168\.56\.1 tcp dport 80 drop/, when);
      assert.equal(await blocked(), true, when);
    };
    await drops("added");
    await nft("flush ruleset");
    await until(async () => /drop/.test(await host.sh("nft list chain inet fairway user 2>/dev/null; true")), 20_000);
    await drops("after a flush");
    await host.daemon.restart();
    await drops("after a restart");
    await host.daemon.kill();
    await drops("with a dead daemon");
    await host.daemon.start();
    await drops("after a crash");
    await nft("flush chain inet fairway user");
    await serves();
  });

  await t.test("what others have is not touched, and a drop of theirs is told of", async () => {
    await nft("add table ip filter");
    await nft("add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }");
    await nft("add rule ip filter FORWARD ip saddr 10.9.9.9 accept");
    const foreign = () => nft("list table ip filter");
    const before = await foreign();
    assert.equal(await blocked(), true, "no objection from us is not yet a way through");
    assert.match(await docker("info -f '{{json .Warnings}}'"), /policy of chain FORWARD of table ip filter drops/);
    await docker("network create other");
    await docker("run -d --name other --network other -p 8090:80 busybox sleep 1000");
    await host.daemon.restart();
    await docker("rm -f other");
    await docker("network rm other");
    assert.equal(await foreign(), before);
    await nft("delete table ip filter");
    await serves();
  });
});

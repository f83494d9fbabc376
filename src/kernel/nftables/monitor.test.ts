import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import { NftMonitor, NftSocket, type SetSchema } from "./mod.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const options = { skip: isolated ? false : "needs root" };
const nft = (command: string) => execFileSync("nft", command.split(" "));
const at = { family: "inet", table: "t" } as const;

test("`drain()` tells transactions apart, says who made them and what they touched", options, () => {
  using monitor = new NftMonitor();
  using socket = NftSocket.open();
  const set: SetSchema = { ...at, set: "s", key: ["ifname"] };
  socket.transaction([
    { op: "addTable", ...at },
    { op: "addSet", set },
    { op: "addChain", ...at, chain: "c" },
  ]);
  socket.transaction([{ op: "addElements", set, elements: Array.from({ length: 2000 }, (_, index) => ({ key: [`i${index}`] })) }]);
  nft("add rule inet t c counter");
  nft("flush set inet t s");
  nft("delete table inet t");
  const { events, resync } = monitor.drain();
  assert.equal(resync, false);
  assert.deepEqual(
    events.map(({ generation, process, changes }) => [
      socket.isOwn(generation),
      process === "nft",
      changes.map(({ action, kind, family, table, name }) => [action, kind, family, table, name].join(" ").trim()),
    ]),
    [
      [true, false, ["new table inet t", "new set inet t s", "new chain inet t c"]],
      [true, false, ["new element inet t s"]],
      [false, true, ["new rule inet t c"]],
      [false, true, ["delete element inet t s"]],
      [false, true, ["delete rule inet t c", "delete set inet t s", "delete chain inet t c", "delete table inet t"]],
    ],
  );
  assert.deepEqual(monitor.drain().events, []);
});

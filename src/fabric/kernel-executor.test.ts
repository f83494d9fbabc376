import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import type { FdbItem, LinkItem } from "./mod.ts";
import { Fabric, KernelExecutor, noElements } from "./mod.ts";

const options = { skip: isolate({ tmpfs: ["/run"] }) ? false : "needs root" };
const firewall = noElements({ elements: (done) => ({ done }), read: () => [], table() {}, hasTable: () => true });

test("`KernelExecutor` floods to as many VTEPs as are wanted, and moves a MAC from one to another", options, () => {
  const fabric = new Fabric(new KernelExecutor(firewall));
  const vxlan: LinkItem = {
    ...{ type: "link", ns: "host", name: "vx0", alias: "fairway:network:vx", up: true },
    data: { kind: "vxlan", vni: 42, port: 4789, learning: false, proxy: false },
  };
  const entry = (mac: string, destination: string): FdbItem => ({ type: "fdb", ns: "host", link: "vx0", mac, destination });
  const flood = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((vtep) => entry("00:00:00:00:00:00", vtep));
  const shown = () =>
    execFileSync("bridge", ["fdb", "show", "dev", "vx0"], { encoding: "utf8" })
      .match(/\S+ dst \S+/g)!
      .toSorted();
  fabric.converge(new Map([["a", [vxlan, ...flood, entry("02:42:0a:00:00:02", "192.0.2.1")]]]));
  assert.deepEqual(fabric.drift(), []);
  fabric.converge(new Map([["a", [vxlan, ...flood.slice(1), entry("02:42:0a:00:00:02", "192.0.2.2")]]]));
  assert.deepEqual(shown(), ["00:00:00:00:00:00 dst 192.0.2.2", "00:00:00:00:00:00 dst 192.0.2.3", "02:42:0a:00:00:02 dst 192.0.2.2"]);
  assert.deepEqual(fabric.drift(), []);
  assert.deepEqual(fabric.release(["a"]), []);
  fabric.close();
});

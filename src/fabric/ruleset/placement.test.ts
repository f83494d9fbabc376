import assert from "node:assert/strict";
import { test } from "node:test";
import { SETS } from "../sets.ts";
import type { ElementItem, SetName } from "../types.ts";
import { rulesetText } from "./nft-firewall.ts";
import { itemOf, placesOf, setsOf } from "./placement.ts";

const item = (set: SetName, key: string[], value?: string[]): ElementItem => ({ type: "element", set, key, ...(value ? { value } : {}) });
const where = (element: ElementItem) =>
  placesOf(element).map(({ set, key, value }) => [`${set.family} ${set.set}`, key.join(" . "), value?.join(" ")]);

test("`placesOf()` keeps any-address ports, ranges, links and `within` where the ruleset looks for them", () => {
  const to = ["10.0.0.2", "80"];
  assert.deepEqual(where(item("publish4", ["tcp", "192.0.2.1", "80"], to)), [["inet publish4", "tcp . 192.0.2.1 . 80", "10.0.0.2 80"]]);
  assert.deepEqual(where(item("publish4", ["tcp", "0.0.0.0/0", "80"], to)), [["inet publish4_any", "tcp . 80", "10.0.0.2 80"]]);
  assert.deepEqual(where(item("publish6", ["udp", "::/0", "80"], ["fd00::2", "80"])), [["inet publish6_any", "udp . 80", "fd00::2 80"]]);
  assert.deepEqual(where(item("open4", ["br-a", "tcp", "10.0.0.2", "80"])), [["inet open4", "br-a . tcp . 10.0.0.2 . 80", undefined]]);
  assert.deepEqual(where(item("open4", ["br-a", "tcp", "10.0.0.2", "80-90"])), [
    ["inet open4_range", "br-a . tcp . 10.0.0.2 . 80-90", undefined],
  ]);
  assert.deepEqual(
    where(item("links4", ["10.0.0.2", "10.0.0.3", "tcp", "80"])).map(([set]) => set),
    ["bridge links4", "inet links4"],
  );
  assert.deepEqual(where(item("within", ["a", "a"], ["drop"])), [
    ["inet within", "a . a", "drop"],
    ["inet hairpin", "a . a", undefined],
  ]);
});

test("`itemOf()` gives back what `placesOf()` placed", () => {
  for (const element of [
    item("publish4", ["tcp", "0.0.0.0/0", "80"], ["10.0.0.2", "80"]),
    item("publish6", ["tcp", "::/0", "80"], ["fd00::2", "80"]),
    item("open6", ["br-a", "tcp", "fd00::/64", "80"]),
    item("links6", ["fd00::2", "fd00::3", "tcp", "80"]),
    item("publish_range4", ["udp", "0.0.0.0/0", "9000-9100"], ["10.0.0.2"]),
  ])
    assert.deepEqual(itemOf(element.set, placesOf(element)[0]!), element);
});

test("`fairway.nft` declares every set of `SETS` with its types", () => {
  const text = rulesetText();
  const tables = { inet: text.slice(0, text.indexOf("table bridge")), bridge: text.slice(text.indexOf("table bridge")) };
  for (const name of Object.keys(SETS) as SetName[]) {
    for (const set of Object.values(setsOf(name))) {
      const value = set.value ? ` : ${set.value === "verdict" ? "verdict" : set.value.join(" . ")}` : "";
      const flags = set.interval ? " flags interval;" : "";
      const line = `${set.value ? "map" : "set"} ${set.set} { type ${set.key.join(" . ")}${value};${flags} }`;
      assert.ok(tables[set.family as "inet" | "bridge"].includes(line), line);
    }
  }
});

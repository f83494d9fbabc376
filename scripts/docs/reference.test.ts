import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { BRIDGE_KEY, LAN_KEY } from "#drivers";
import { describeOptions } from "#server";
import { missingCommands, withMadeParts } from "./reference.ts";

const root = `${import.meta.dirname}/../..`;
const read = (name: string) => readFileSync(`${root}/docs/reference/${name}`, "utf8");

test("docs/reference is current (node_modules/.bin/node scripts/make-reference.ts makes it so)", () => {
  for (const path of globSync("docs/reference/*.md", { cwd: root })) {
    const text = readFileSync(`${root}/${path}`, "utf8");
    assert.equal(text, withMadeParts(text), path);
  }
});

test("docs/reference/fairwayd.md has every option of the daemon", () => {
  const text = read("fairwayd.md");
  for (const { name, fileOnly, key } of describeOptions()) assert.ok(text.includes(fileOnly ? `"${key}"` : `\`--${name}\``), name);
});

test("docs/reference/fairway.md has every command", () => {
  assert.deepEqual(missingCommands(read("fairway.md")), []);
});

test("docs/reference/drivers.md has every option of every driver", () => {
  const text = read("drivers.md");
  for (const key of [...Object.values(BRIDGE_KEY), ...Object.values(LAN_KEY)]) assert.ok(text.includes(`\`${key}\``), key);
});

test("`withMadeParts()` refuses a part that nothing makes", () => {
  assert.throws(() => withMadeParts("<!-- made: nonsense -->\n<!-- end -->"), /nonsense/);
});

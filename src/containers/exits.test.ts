import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { newId, silentLog } from "#base";
import { ExitWatch } from "./exits.ts";

test("`ExitWatch.open()` reports exits that came before it", () => {
  const directory = mkdtempSync(`${tmpdir()}/exits-`);
  const seen: string[] = [];
  const exits = new ExitWatch(directory, (id) => seen.push(id));
  const id = newId();
  writeFileSync(`${directory}/${id}`, "7");
  exits.open(silentLog);
  assert.deepEqual(seen, [id]);
  assert.equal(exits.code(id), 7);
  exits.clear(id);
  assert.equal(exits.code(id), undefined);
  exits.close();
  rmSync(directory, { recursive: true });
});

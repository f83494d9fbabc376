import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { FairwayError } from "#base";
import { MemoryStore, openStore, SqliteStore } from "./mod.ts";

it("`openStore()` chooses by scheme, and takes a bare path for SQLite", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairway-open-"));
  try {
    for (const [url, kind] of [
      ["memory:", MemoryStore],
      [join(directory, "a.db"), SqliteStore],
      [`sqlite:${join(directory, "b.db")}`, SqliteStore],
      [`sqlite://${join(directory, "c.db")}`, SqliteStore],
    ] as const) {
      const store = await openStore(url);
      assert.ok(store instanceof kind, url);
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it("`openStore()` uses the schemes it is given, and names those it knows when there is none", async () => {
  const mine = new MemoryStore();
  const asked: string[] = [];
  const etcd = (address: string) => {
    asked.push(address);
    return mine;
  };
  assert.equal(await openStore("etcd://h:2379", { schemes: { etcd } }), mine);
  assert.deepEqual(asked, ["//h:2379"]);
  await mine.close();
  await assert.rejects(openStore("etcd://h:2379"), (error) => {
    assert.ok(error instanceof FairwayError);
    assert.equal(error.code, "unknown-store-scheme");
    assert.match(error.message, /known are memory, sqlite/);
    return true;
  });
});

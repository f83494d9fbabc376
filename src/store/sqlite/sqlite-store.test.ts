import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, it } from "node:test";
import { FairwayError } from "#base";
import { storeComplies } from "../compliance.ts";
import { SqliteStore } from "./sqlite-store.ts";

const directory = mkdtempSync(join(tmpdir(), "fairway-store-"));
after(() => rmSync(directory, { recursive: true }));
let files = 0;
const newPath = () => join(directory, `${++files}.db`);

const refused = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FairwayError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, words);
  return true;
};

storeComplies("sqlite", async () => SqliteStore.open(newPath()));

it("`open()` finds records and the revision again, but not those of a lease", async () => {
  const path = join(directory, "made", "below", "store.db");
  const store = SqliteStore.open(path);
  const lease = await store.lease(60);
  await store.commit([{ op: "put", key: "host/1", value: 1, lease: lease.id }]);
  const revision = await store.commit([{ op: "put", key: "a", value: { b: 1 } }]);
  for (const file of readdirSync(join(directory, "made", "below")))
    assert.equal(statSync(join(path, "..", file)).mode & 0o777, 0o600, file);
  await store.close();
  const again = SqliteStore.open(path);
  assert.deepEqual(await again.get("a"), { key: "a", value: { b: 1 }, revision });
  assert.equal(await again.get("host/1"), undefined);
  assert.ok((await again.commit([{ op: "put", key: "b", value: 1 }])) > revision);
  await again.close();
  assert.deepEqual(readdirSync(join(directory, "made", "below")), ["store.db"]);
});

const CHILD = `
  import { SqliteStore } from ${JSON.stringify(new URL("./sqlite-store.ts", import.meta.url).href)};
  const store = SqliteStore.open(process.argv[1]);
  const lease = await store.lease(60);
  await store.commit([{ op: "put", key: "host/1", value: 1, lease: lease.id }]);
  for (let n = 1; ; n++) {
    await store.commit([{ op: "put", key: "n/a", value: n }, { op: "put", key: "n/b", value: n }]);
    process.stdout.write(n + "\\n");
    if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }`;

it("`open()` refuses while another process holds the file, and finds all that was committed when that one is killed", async () => {
  const path = newPath();
  const child = spawn(process.execPath, ["--input-type=module", "-e", CHILD, path], { stdio: ["ignore", "pipe", "inherit"] });
  let told = "";
  child.stdout.on("data", (chunk) => (told += chunk));
  while (told.split("\n").length < 100) await once(child.stdout, "data");
  assert.throws(
    () => SqliteStore.open(path, { busyTimeout: 10 }),
    refused("store-locked", /Cannot open store ".*": another process holds it/),
  );
  child.kill("SIGKILL");
  await once(child, "close");
  const store = SqliteStore.open(path);
  const [a, b] = await store.list<number>("n/");
  assert.ok(a!.value >= Number(told.trim().split("\n").at(-1)), "an acknowledged commit is lost");
  assert.deepEqual([b!.value, b!.revision], [a!.value, a!.revision]);
  assert.equal(await store.get("host/1"), undefined);
  await store.close();
});

it("`open()` refuses a second opening in the same process", async () => {
  const path = newPath();
  const store = SqliteStore.open(path);
  assert.throws(() => SqliteStore.open(path, { busyTimeout: 10 }), refused("store-locked", /second fairwayd/));
  await store.commit([{ op: "put", key: "a", value: 1 }]);
  await store.close();
});

it("`open()` refuses what is no database, and leaves it as it was", () => {
  const path = newPath();
  const bytes = "this is somebody's diary ".repeat(100);
  writeFileSync(path, bytes);
  assert.throws(() => SqliteStore.open(path), refused("store-corrupt", /not an SQLite database/));
  assert.equal(readFileSync(path, "utf8"), bytes);
});

it("`open()` refuses another program's database, and leaves it as it was", () => {
  const path = newPath();
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE diary (day TEXT)");
  other.close();
  const bytes = readFileSync(path);
  assert.throws(() => SqliteStore.open(path), refused("store-foreign", /another program's/));
  assert.deepEqual(readFileSync(path), bytes);
});

it("`open()` refuses a schema newer than it knows", async () => {
  const path = newPath();
  await SqliteStore.open(path).close();
  const other = new DatabaseSync(path);
  other.exec("INSERT INTO schema_migration VALUES (99, 'tomorrow')");
  other.close();
  assert.throws(() => SqliteStore.open(path), refused("store-too-new", /schema is version 99/));
});

it("`open()` refuses a damaged file", async () => {
  const path = newPath();
  const store = SqliteStore.open(path);
  await store.commit(Array.from({ length: 500 }, (_, n) => ({ op: "put", key: `k/${n}`, value: "x".repeat(200) })));
  await store.close();
  const bytes = readFileSync(path);
  bytes.fill(0xaa, 8192, 40960);
  writeFileSync(path, bytes);
  assert.throws(() => SqliteStore.open(path), refused("store-corrupt", /damaged/));
});

it("`open()` says so when the path is a directory", () => {
  assert.throws(() => SqliteStore.open(directory), refused("store-cannot-open", /cannot be opened/));
});

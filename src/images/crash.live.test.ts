import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { silentLog } from "#base";
import { SqliteStore } from "#store";
import { openImages } from "./images.ts";

/** Imports, tags, saves, loads and removes without end, and says `ready` once it does. */
const WORKER = `
import { silentLog } from "#base";
import { SqliteStore } from "#store";
import { openImages } from "./images.ts";
import { collect, makeTar, streamOf } from "./testing.ts";
const [root, seed] = process.argv.slice(-2);
const images = await openImages({ dataRoot: root, store: SqliteStore.open(root + "/state.db"), log: silentLog });
const none = { force: true, noPrune: false, inUse: () => [] };
console.log("ready");
for (let round = 0; ; round++) {
  const tar = makeTar([{ name: "marker", content: seed + "-" + round }, ...Array.from({ length: 40 }, (_, index) => ({ name: "f" + index, content: "x".repeat(3000) }))]);
  await images.importTar(streamOf(tar), { repository: "i" + round % 5 });
  await images.commit({ parent: "i" + round % 5, layer: streamOf(makeTar([{ name: "top", content: String(round) }])), config: {}, repository: "c" + round % 3 });
  const archive = await collect(await images.save(["c" + round % 3]));
  for (const image of images.list().slice(2)) await images.remove(image.id, none).catch(() => {});
  await images.load(streamOf(archive), () => {});
}
`;

test("after `kill -9` at any moment the store holds whole images and nothing else", { timeout: 60_000 }, async () => {
  const root = await mkdtemp(join(tmpdir(), "fairway-crash-"));
  try {
    for (let round = 0; round < 12; round++) {
      const worker = spawn(process.execPath, ["--input-type=module-typescript", "--eval", WORKER, "--", root, String(round)], {
        cwd: import.meta.dirname,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const gone = once(worker, "close");
      const began = await Promise.race([once(worker.stdout, "data").then(() => true), gone.then(() => false)]);
      assert.ok(began, "the worker started");
      await setTimeout(20 + Math.random() * 400);
      worker.kill("SIGKILL");
      await gone;
      await check(root);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

async function check(root: string) {
  const store = SqliteStore.open(join(root, "state.db"));
  const images = await openImages({ dataRoot: root, store, log: silentLog });
  const directories = new Set<string>();
  const blobs = new Set<string>();
  for (const image of images.list()) {
    blobs.add(image.id);
    for (const diffId of image.layers) blobs.add(diffId);
    const lower = images.lowerDirs(image.id);
    for (const directory of lower) directories.add(directory);
    assert.match(await readFile(join(lower.at(-1) ?? "", "marker"), "utf8"), /^\d+-\d+$/);
    assert.equal((await readdir(lower.at(-1) ?? "")).length, 41, "every file of the layer");
  }
  assert.deepEqual((await readdir(join(root, "layers"))).map((name) => join(root, "layers", name)).sort(), [...directories].sort());
  assert.deepEqual((await readdir(join(root, "image/blobs/sha256"))).map((hex) => `sha256:${hex}`).sort(), [...blobs].sort());
  assert.deepEqual(await readdir(join(root, "image/tmp")), []);
  await store.close();
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { pruneConditions } from "./filters.ts";
import { makeTar, streamOf, type TestImages, testImages } from "./testing.ts";

const NONE = { force: false, noPrune: false, inUse: () => [] };
const FORCE = { ...NONE, force: true };
const usedBy = (running: boolean) => ({ ...NONE, inUse: () => [{ id: "c".repeat(64), running }] });

// Names are words that no id begins with.
const make = (here: TestImages, reference: string, content = "x") =>
  here.images.importTar(streamOf(makeTar([{ name: "f", content }])), { repository: reference });

const short = (id: string) => id.slice(7, 19);

test("`remove()` takes a name away, and the image and its layers with the last one", async () => {
  await using here = await testImages();
  const id = await make(here, "one:1");
  const [chainId] = here.images.find(id).layers;
  await here.images.tag("one:1", "two:2");
  assert.deepEqual(await here.images.remove("one:1", NONE), [{ Untagged: "one:1" }]);
  assert.deepEqual(await here.images.remove("two:2", NONE), [{ Untagged: "two:2" }, { Deleted: id }, { Deleted: chainId }]);
  assert.deepEqual(here.images.list(), []);
  assert.deepEqual(await here.files(), { layers: [], blobs: [], temporary: [] });
});

test("`remove()` by id takes the only name with it, and wants force when there are more", async () => {
  await using here = await testImages();
  const id = await make(here, "one");
  await here.images.tag("one", "two");
  await assert.rejects(here.images.remove(short(id), NONE), {
    category: "conflict",
    message: `conflict: unable to delete ${short(id)} (must be forced) - image is referenced in multiple repositories`,
  });
  const lines = await here.images.remove(short(id), FORCE);
  assert.deepEqual(lines.slice(0, 3), [{ Untagged: "one:latest" }, { Untagged: "two:latest" }, { Deleted: id }]);
  const single = await make(here, "third");
  assert.deepEqual((await here.images.remove(single, NONE))[0], { Untagged: "third:latest" });
});

test("`remove()` refuses in docker's words when containers hold the image", async () => {
  await using here = await testImages();
  const id = await make(here, "one");
  const container = "c".repeat(12);
  for (const running of [true, false])
    await assert.rejects(here.images.remove("one", usedBy(running)), {
      category: "conflict",
      message: `conflict: unable to remove repository reference "one" (must force) - container ${container} is using its referenced image ${short(id)}`,
    });
  await assert.rejects(here.images.remove(short(id), { ...usedBy(true), force: true }), {
    message: `conflict: unable to delete ${short(id)} (cannot be forced) - image is being used by running container ${container}`,
  });
  await assert.rejects(here.images.remove(short(id), usedBy(false)), {
    message: `conflict: unable to delete ${short(id)} (must be forced) - image is being used by stopped container ${container}`,
  });
  assert.deepEqual(here.images.find("one").repoTags, ["one:latest"], "a refusal takes nothing away");
  await here.images.tag("one", "two");
  assert.deepEqual(await here.images.remove("one", usedBy(true)), [{ Untagged: "one:latest" }], "one name of two may go");
});

test("`remove()` by force keeps the layers for the stopped container until `release()`", async () => {
  await using here = await testImages();
  const id = await make(here, "one");
  const directories = here.images.lowerDirs(id);
  assert.deepEqual(await here.images.remove("one", { ...usedBy(false), force: true }), [{ Untagged: "one:latest" }, { Deleted: id }]);
  assert.throws(() => here.images.find(id), { category: "notFound" });
  assert.deepEqual(here.images.list(), []);
  assert.deepEqual(here.images.lowerDirs(id), directories);
  const again = await here.reopen();
  assert.deepEqual(again.lowerDirs(id), directories, "also after a restart");
  await again.release(new Set([id]));
  assert.deepEqual(again.lowerDirs(id), directories);
  await again.release(new Set());
  assert.throws(() => again.lowerDirs(id), { category: "notFound" });
  assert.deepEqual((await here.files()).layers, []);
});

test("`remove()` deletes an image's nameless parents with it, and refuses for one that has children", async () => {
  await using here = await testImages();
  const parent = await make(here, "parent", "parent");
  const child = await here.images.commit({
    parent,
    layer: streamOf(makeTar([{ name: "g", content: "yy" }])),
    config: {},
    repository: "third",
    comment: "more",
  });
  assert.equal(here.images.find(child).parent, parent);
  assert.equal(here.images.find(child).size, 8);
  assert.deepEqual(
    here.images.history("third").map(({ Id, Size, Comment, Tags }) => [Id, Size, Comment, Tags]),
    [
      [child, 2, "more", ["third:latest"]],
      ["<missing>", 6, "Imported from -", null],
    ],
  );
  await assert.rejects(here.images.remove(parent, FORCE), {
    message: `conflict: unable to delete ${short(parent)} (cannot be forced) - image has dependent child images`,
  });
  assert.deepEqual(await here.images.remove("parent", NONE), [{ Untagged: "parent:latest" }], "it stays below its child");
  const lines = await here.images.remove("third", NONE);
  assert.deepEqual(lines.filter((line) => "Deleted" in line && (line.Deleted === child || line.Deleted === parent)).length, 2);
  assert.deepEqual((await here.files()).layers, []);
});

test("`prune()` removes nameless images, or all, that no container uses", async () => {
  await using here = await testImages();
  const nameless = await make(here, "one", "1");
  const named = await make(here, "one", "22");
  const used = await make(here, "two", "333");
  const filtered = { inUse: new Set([used]), ...pruneConditions({ until: ["1h"] }) };
  assert.deepEqual(await here.images.prune(filtered), { deleted: [], bytes: 0 });
  const dangling = await here.images.prune({ all: false, inUse: new Set([used]) });
  assert.deepEqual([dangling.deleted[0], dangling.bytes], [{ Deleted: nameless }, 1]);
  const all = await here.images.prune({ all: true, inUse: new Set([used]) });
  assert.deepEqual(all.deleted.slice(0, 2), [{ Untagged: "one:latest" }, { Deleted: named }]);
  assert.equal(all.bytes, 2);
  assert.deepEqual(
    here.images.list().map((image) => image.id),
    [used],
  );
});

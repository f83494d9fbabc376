import assert from "node:assert/strict";
import { mkdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "./layers/layers.ts";
import { TarType } from "./tar/mod.ts";
import { makeTar, streamOf, type TestImages, testImages } from "./testing.ts";
import type { ImageEvent } from "./types.ts";

const TAR = makeTar([
  { name: "bin/" },
  { name: "bin/sh", content: "#!", mode: 0o755 },
  { name: "l", type: TarType.symlink, linkName: "bin/sh" },
]);
const DIFF_ID = digestOf(TAR);
const NOTHING = { layers: [], blobs: [], temporary: [] };

const make = (here: TestImages, reference: string, label = reference) =>
  here.images.importTar(streamOf(TAR), { repository: reference, changes: [`LABEL l=${label}`] });

test("`importTar()` makes an image whose digests are right, from a tar in any compression", async () => {
  await using here = await testImages();
  for (const [name, bytes] of Object.entries({ plain: TAR, gzip: gzipSync(TAR), zstd: zstdCompressSync(TAR) })) {
    const id = await here.images.importTar(streamOf(bytes), { repository: name, tag: "1", message: "hello", changes: ['CMD ["sh"]'] });
    const view = here.images.find(`${name}:1`);
    assert.equal(view.id, id);
    assert.equal(id, digestOf(await readFile(join(here.dataRoot, "image/blobs/sha256", id.slice(7)))), "an id is the digest of its config");
    assert.deepEqual(view.layers, [DIFF_ID]);
    assert.deepEqual(view.repoTags, [`${name}:1`]);
    assert.deepEqual(view.config, { Cmd: ["sh"] });
    assert.equal(view.comment, "hello");
    assert.equal(view.size, 8, "files and symlink targets");
    const [directory = ""] = here.images.lowerDirs(id);
    assert.equal(await readFile(join(directory, "l"), "utf8"), "#!");
  }
  assert.equal((await here.files()).layers.length, 1, "one layer, kept once");
  assert.deepEqual((await here.files()).temporary, []);
});

test("`importTar()` takes an empty stream for an empty layer, as dockerd does", async () => {
  await using here = await testImages();
  const id = await here.images.importTar(streamOf(Buffer.alloc(0)), {});
  assert.deepEqual(here.images.find(id).repoTags, []);
});

test("`importTar()` refuses with a 4xx and leaves nothing behind when the input is bad", async () => {
  await using here = await testImages();
  const bad: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
    "no tar": [Buffer.alloc(2000, "hello "), /invalid tar header/],
    "too short": [Buffer.from("hello\n"), /unexpected EOF/],
    "cut tar": [TAR.subarray(0, 1100), /unexpected EOF/],
    "cut gzip": [gzipSync(TAR).subarray(0, 60), /unexpected EOF/],
    "damaged gzip": [Buffer.concat([gzipSync(TAR).subarray(0, 20), Buffer.alloc(50, 0xaa)]), /Error processing tar file/],
    "cut zstd": [zstdCompressSync(TAR).subarray(0, 40), /Error processing tar file/],
    xz: [Buffer.from("fd377a585a0000000000", "hex"), /compressed with xz/],
    "name leaves the root": [makeTar([{ name: "../../evil", content: "x" }]), /outside of the root/],
    "name climbs inside": [makeTar([{ name: "a/../../evil", content: "x" }]), /outside of the root/],
    "hard link leaves the root": [makeTar([{ name: "h", type: TarType.hardLink, linkName: "../../../etc/passwd" }]), /outside of the root/],
    "hard link to nothing": [makeTar([{ name: "h", type: TarType.hardLink, linkName: "nope" }]), /nope/],
    "through an absolute symlink": [
      makeTar([
        { name: "d", type: TarType.symlink, linkName: here.dataRoot },
        { name: "d/evil", content: "x" },
      ]),
      /d\/evil/,
    ],
    "through a climbing symlink": [
      makeTar([
        { name: "d", type: TarType.symlink, linkName: "../.." },
        { name: "d/evil", content: "x" },
      ]),
      /d\/evil/,
    ],
    "name of 300 bytes": [makeTar([{ name: "n".repeat(300) }]), /File name too long/],
    "pax header of 2 MB": [makeTar([{ name: "a", pax: new Map([["comment", "c".repeat(2 << 20)]]) }]), /header field too long/],
  };
  for (const [name, [bytes, message]] of Object.entries(bad)) {
    await assert.rejects(here.images.importTar(streamOf(bytes), { repository: "x" }), { category: "invalidParameter", message }, name);
    assert.deepEqual(await here.files(), NOTHING, name);
  }
  await assert.rejects(here.images.importTar(streamOf(TAR), { repository: "Bad" }), { category: "invalidParameter" });
  await assert.rejects(here.images.importTar(streamOf(TAR), { changes: ["FROM x"] }), { category: "invalidParameter" });
  await assert.rejects(here.images.importTar(failing(), {}), /the client went away/);
  assert.deepEqual(await here.files(), NOTHING);
  assert.deepEqual(here.images.list(), []);
});

async function* failing(): AsyncGenerator<Uint8Array> {
  yield TAR.subarray(0, 700);
  throw new Error("the client went away");
}

test("`importTar()` keeps odd names inside, and takes the last of two members of one name", async () => {
  await using here = await testImages();
  const tar = makeTar([
    { name: "/etc/passwd", content: "mine" },
    { name: "./a/../b", content: "1" },
    { name: "b", content: "22" },
    { name: `${"d".repeat(90)}/${"e".repeat(200)}`, content: "long" },
    { name: "abs", type: TarType.symlink, linkName: "/etc/shadow" },
    { name: "hard", type: TarType.hardLink, linkName: "/etc/passwd" },
  ]);
  const [directory = ""] = here.images.lowerDirs(await here.images.importTar(streamOf(tar), { repository: "odd" }));
  const read = (name: string) => readFile(join(directory, name), "utf8");
  assert.equal(await read("hard"), "mine");
  assert.equal(await read("b"), "22");
  assert.equal(await read(`${"d".repeat(90)}/${"e".repeat(200)}`), "long");
  assert.equal(await readlink(join(directory, "abs")), "/etc/shadow");
  assert.equal(here.images.find("odd").size, "mine".length + 2 + "long".length + "/etc/shadow".length);
  const changed = makeTar([{ name: "b", content: "old" }, { name: "b/" }, { name: "b/c", content: "333" }]);
  const [second = ""] = here.images.lowerDirs(await here.images.importTar(streamOf(changed), {}));
  assert.equal(await readFile(join(second, "b/c"), "utf8"), "333", "a file became a directory");
});

test("`find()` takes ids, prefixes, names in every spelling and digests", async () => {
  await using here = await testImages();
  const id = await make(here, "busybox:1");
  await here.images.tag("busybox:1", "busybox");
  await here.images.tag("busybox:1", "reg.example:5000/a/b:v2");
  const spellings = [
    id,
    id.slice(7),
    id.slice(7, 19),
    id.slice(0, 15),
    "busybox",
    "busybox:1",
    "docker.io/library/busybox",
    "reg.example:5000/a/b:v2",
  ];
  for (const spelling of spellings) assert.equal(here.images.find(spelling).id, id, spelling);
  assert.deepEqual(here.images.find(id).repoTags, ["busybox:1", "busybox:latest", "reg.example:5000/a/b:v2"]);
  const other = await make(here, id.slice(7, 12));
  assert.equal(here.images.find(id.slice(7, 12)).id, other, "a name wins over an id prefix");
});

test("`find()` says No such image when there is none, and invalid when the reference is malformed", async () => {
  await using here = await testImages();
  await make(here, "busybox:1");
  const gone = "a".repeat(64);
  const missing: readonly [string, string][] = [
    ["nosuch", "No such image: nosuch:latest"],
    ["busybox", "No such image: busybox:latest"],
    ["docker.io/library/busybox:2", "No such image: busybox:2"],
    [gone, `No such image: sha256:${gone}`],
    ["sha256:zz", "No such image: sha256:zz"],
  ];
  for (const [reference, message] of missing) assert.throws(() => here.images.find(reference), { category: "notFound", message });
  assert.throws(() => here.images.find("Foo"), { category: "invalidParameter" });
});

test("`find()` takes an ambiguous id prefix for no image", async () => {
  await using here = await testImages();
  const ids: string[] = [];
  for (let count = 0; count < 17; count++) ids.push(await make(here, `i${count}`));
  const first = ids.map((id) => id[7]!).find((digit, index, all) => all.indexOf(digit) !== index) ?? "";
  assert.throws(() => here.images.find(first), { category: "notFound", message: `No such image: ${first}:latest` });
});

test("`tag()` moves a name, and the image that had it stays without one", async () => {
  await using here = await testImages();
  const one = await make(here, "a");
  const two = await make(here, "b");
  await here.images.tag("b", "a");
  assert.equal(here.images.find("a").id, two);
  assert.deepEqual(here.images.find(one).repoTags, []);
  await assert.rejects(here.images.tag("b", `a@${one}`), { message: "refusing to create a tag with a digest reference" });
  await assert.rejects(here.images.tag("nosuch", "c"), { message: "No such image: nosuch:latest" });
});

test("events carry the action, the id, the labels and the name", async () => {
  await using here = await testImages();
  const seen: ImageEvent[] = [];
  const stop = here.images.onEvent((event) => seen.push(event));
  const id = await make(here, "a", "x");
  await here.images.tag("a", "b");
  await here.images.remove("a", { force: false, noPrune: false, inUse: () => [] });
  await here.images.remove("b", { force: false, noPrune: false, inUse: () => [] });
  stop();
  await make(here, "c");
  const names = { import: id, tag: "b:latest", untag: id, delete: id };
  assert.deepEqual(
    seen.map((event) => event.action),
    ["import", "tag", "untag", "untag", "delete"],
  );
  for (const event of seen)
    assert.deepEqual(event, { action: event.action, id, attributes: { l: "x", name: names[event.action as "tag"] } });
});

test("a store opened again shows what was there, and removes what a crash left", async () => {
  await using here = await testImages();
  const id = await make(here, "a");
  const before = await here.files();
  await mkdir(join(here.dataRoot, "layers/tmp-123/x"), { recursive: true });
  await mkdir(join(here.dataRoot, "layers/abcdef"));
  await writeFile(join(here.dataRoot, "image/blobs/sha256", "0".repeat(64)), "half");
  await writeFile(join(here.dataRoot, "image/tmp/half"), "half");
  const again = await here.reopen();
  assert.deepEqual(again.find("a"), here.images.find(id));
  assert.deepEqual(again.lowerDirs(id), here.images.lowerDirs(id));
  assert.deepEqual(await here.files(), before);
});

test("a store opened again unpacks a layer whose directory is gone, and starts without one whose blob is gone too", async () => {
  await using here = await testImages();
  const id = await make(here, "a");
  const [directory = ""] = here.images.lowerDirs(id);
  await rm(directory, { recursive: true });
  const [again = ""] = (await here.reopen()).lowerDirs(id);
  assert.equal(await readFile(join(again, "bin/sh"), "utf8"), "#!");
  await rm(directory, { recursive: true });
  await rm(join(here.dataRoot, "image/blobs/sha256", DIFF_ID.slice(7)));
  const lost = await here.reopen();
  assert.equal(lost.find("a").id, id);
  await lost.remove("a", { force: false, noPrune: false, inUse: () => [] });
  assert.deepEqual(await here.files(), NOTHING);
});

test("an image is not shown, and its files are gone, when the store refuses the record", async () => {
  await using here = await testImages();
  const commit = here.store.commit.bind(here.store);
  here.store.commit = () => Promise.reject(new Error("disk full"));
  await assert.rejects(make(here, "a"), /disk full/);
  here.store.commit = commit;
  assert.deepEqual(here.images.list(), []);
  assert.deepEqual((await here.files()).layers, []);
  await make(here, "a");
});

test("imports beside each other of the same bytes keep one layer", async () => {
  await using here = await testImages();
  await Promise.all(Array.from({ length: 6 }, (_, index) => make(here, `i${index}`)));
  assert.equal(here.images.list().length, 6);
  assert.equal((await here.files()).layers.length, 1);
  await Promise.all(
    Array.from({ length: 6 }, (_, index) => here.images.remove(`i${index}`, { force: false, noPrune: false, inUse: () => [] })),
  );
  assert.deepEqual(await here.files(), NOTHING);
});

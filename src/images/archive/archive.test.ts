import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "../layers/layers.ts";
import { readTar, TarType } from "../tar/mod.ts";
import { collect, type Member, makeTar, streamOf, type TestImages, testImages } from "../testing.ts";
import type { Progress } from "../types.ts";

const LAYER = makeTar([{ name: "f", content: "hello" }]);
const SECOND = makeTar([{ name: "g", content: "world!" }]);
const NOTHING = { layers: [], blobs: [], temporary: [] };

const configOf = (layers: readonly Uint8Array[], more: object = {}) =>
  JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
    ...more,
  });

/** A `docker save` archive of the shape 20.10 writes. */
const oldArchive = (options: { config?: string; manifest?: unknown; layer?: Uint8Array; more?: readonly Member[] } = {}) =>
  makeTar([
    { name: "abc/" },
    { name: "abc/layer.tar", content: options.layer ?? LAYER },
    { name: "c.json", content: options.config ?? configOf([LAYER]) },
    {
      name: "manifest.json",
      content: JSON.stringify(options.manifest ?? [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["abc/layer.tar"] }]),
    },
    ...(options.more ?? []),
  ]);

const load = (here: TestImages, archive: Uint8Array, onProgress: (progress: Progress) => void = () => {}) =>
  here.images.load(streamOf(archive), onProgress);

test("`load()` reads what dockerd 20.10 saves, compressed or not, and counts its bytes", async () => {
  for (const archive of [oldArchive(), gzipSync(oldArchive()), zstdCompressSync(oldArchive()), oldArchive({ layer: gzipSync(LAYER) })]) {
    await using here = await testImages();
    const progress: Progress[] = [];
    assert.deepEqual(await load(here, archive, (line) => progress.push(line)), ["Loaded image: a:1"]);
    const view = here.images.find("a:1");
    assert.equal(view.id, digestOf(configOf([LAYER])));
    assert.deepEqual(view.layers, [digestOf(LAYER)]);
    const last = progress.at(-1);
    assert.deepEqual([last?.status, last?.id, last?.current], ["Loading layer", digestOf(LAYER).slice(7, 19), last?.total]);
    assert.deepEqual((await here.files()).temporary, []);
    progress.length = 0;
    await load(here, archive, (line) => progress.push(line));
    assert.deepEqual(progress, [], "a layer that is here is not loaded again");
  }
});

test("`load()` follows the links older archives share layers by", async () => {
  await using here = await testImages();
  const archive = oldArchive({
    manifest: [
      { Config: "c.json", RepoTags: ["a:1"], Layers: ["abc/layer.tar"] },
      { Config: "d.json", RepoTags: null, Layers: ["def/layer.tar", "ghi/layer.tar"] },
    ],
    more: [
      { name: "def/layer.tar", type: TarType.symlink, linkName: "../abc/layer.tar" },
      { name: "ghi/layer.tar", content: SECOND },
      { name: "d.json", content: configOf([LAYER, SECOND]) },
    ],
  });
  const two = digestOf(configOf([LAYER, SECOND]));
  assert.deepEqual(await load(here, archive), ["Loaded image: a:1", `Loaded image ID: ${two}`]);
  assert.equal(here.images.lowerDirs(two)[1], here.images.lowerDirs(here.images.find("a:1").id)[0]);
  assert.equal((await here.files()).layers.length, 2);
});

test("`load()` says so when a name moves to the loaded image", async () => {
  await using here = await testImages();
  const old = await here.images.importTar(streamOf(SECOND), { repository: "a", tag: "1" });
  const lines = await load(here, oldArchive());
  assert.deepEqual(lines, [`The image a:1 already exists, renaming the old one with ID ${old} to empty string`, "Loaded image: a:1"]);
});

test("`load()` refuses with a 4xx and leaves nothing behind when the archive is bad", async () => {
  await using here = await testImages();
  const entry = { Config: "c.json", RepoTags: ["a:1"], Layers: ["abc/layer.tar"] };
  const bad: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
    empty: [Buffer.alloc(0), /neither manifest.json .* nor index.json/],
    "root filesystem": [LAYER, /docker import/],
    "cut short": [oldArchive().subarray(0, 1000), /unexpected EOF/],
    "cut gzip": [gzipSync(oldArchive()).subarray(0, 90), /unexpected EOF/],
    "no config": [oldArchive({ manifest: [{ ...entry, Config: "nope.json" }] }), /manifest.json names "nope.json", which is not in it/],
    "no layer": [oldArchive({ manifest: [{ ...entry, Layers: ["nope"] }] }), /"nope", which is not in it/],
    "config path leaves": [oldArchive({ manifest: [{ ...entry, Config: "../../../etc/passwd" }] }), /outside of the root/],
    "config path is absolute": [oldArchive({ manifest: [{ ...entry, Config: "/etc/passwd" }] }), /not in it/],
    "config is a link out": [
      oldArchive({ manifest: [{ ...entry, Config: "x" }], more: [{ name: "x", type: TarType.symlink, linkName: "/etc/passwd" }] }),
      /not in it/,
    ],
    "link loop": [
      oldArchive({ manifest: [{ ...entry, Config: "x" }], more: [{ name: "x", type: TarType.symlink, linkName: "x" }] }),
      /not in it/,
    ],
    "manifest is no list": [oldArchive({ manifest: {} }), /not a list/],
    "manifest of numbers": [oldArchive({ manifest: [1] }), /lacks Config/],
    "tag of a number": [oldArchive({ manifest: [{ ...entry, RepoTags: [1] }] }), /not lists of strings/],
    "bad tag": [oldArchive({ manifest: [{ ...entry, RepoTags: ["A b"] }] }), /invalid reference format/],
    "name without tag": [oldArchive({ manifest: [{ ...entry, RepoTags: ["a"] }] }), /invalid tag "a"/],
    "config is no JSON": [oldArchive({ config: "{" }), /it is not JSON/],
    "config without rootfs": [oldArchive({ config: "{}" }), /no RootFS key/],
    "config with a wrong Healthcheck": [
      oldArchive({ config: configOf([LAYER], { config: { Healthcheck: { Test: 5 } } }) }),
      /config.Healthcheck has the wrong type/,
    ],
    "config with a wrong Cmd": [oldArchive({ config: configOf([LAYER], { config: { Cmd: "sh" } }) }), /config.Cmd has the wrong type/],
    "more layers than diff ids": [oldArchive({ config: configOf([]) }), /layers length mismatch: expected 0, got 1/],
    "wrong diff id": [oldArchive({ config: configOf([SECOND]) }), /invalid diffID for layer 0: expected "sha256:[0-9a-f]+", got/],
    "one file for two layers": [
      oldArchive({ config: configOf([LAYER, SECOND]), manifest: [{ ...entry, Layers: ["abc/layer.tar", "abc/layer.tar"] }] }),
      /one file stands for two/,
    ],
    "layer is no tar": [oldArchive({ layer: Buffer.alloc(1024, "x"), config: configOf([Buffer.alloc(1024, "x")]) }), /invalid tar header/],
    "windows image": [oldArchive({ config: configOf([LAYER], { os: "windows" }) }), /cannot load windows image on linux/],
  };
  for (const [name, [archive, message]] of Object.entries(bad)) {
    await assert.rejects(load(here, archive), { category: "invalidParameter", message }, name);
    assert.deepEqual(await here.files(), NOTHING, name);
    assert.deepEqual(here.images.list(), []);
  }
});

test("`load()` records no image of an archive whose second is bad", async () => {
  await using here = await testImages();
  const archive = oldArchive({
    manifest: [
      { Config: "c.json", RepoTags: ["a:1"], Layers: ["abc/layer.tar"] },
      { Config: "d.json", RepoTags: ["b:1"], Layers: ["abc/layer.tar"] },
    ],
    more: [{ name: "d.json", content: configOf([SECOND]) }],
  });
  await assert.rejects(load(here, archive), { category: "invalidParameter" });
  assert.deepEqual(await here.files(), NOTHING);
});

/** Two images with a shared layer and three names. */
async function filled(): Promise<TestImages> {
  const here = await testImages();
  const base = await here.images.importTar(streamOf(gzipSync(LAYER)), { repository: "a", tag: "1", changes: ["ENV x=y"] });
  await here.images.tag("a:1", "a:2");
  await here.images.commit({ parent: base, layer: streamOf(SECOND), config: {}, repository: "reg.example/b", tag: "3" });
  return here;
}

test("`save()` and `load()` give back the same ids, names and layers", async () => {
  await using here = await filled();
  const archive = await collect(await here.images.save(["a", "reg.example/b:3"]));
  await using there = await testImages();
  assert.deepEqual(await load(there, archive), ["Loaded image: a:1", "Loaded image: a:2", "Loaded image: reg.example/b:3"]);
  const shape = (images: TestImages) =>
    images.images
      .list()
      .map(({ id, repoTags, layers, size, config, history }) => ({ id, repoTags, layers, size, config, history }))
      .sort((left, right) => (left.id < right.id ? -1 : 1));
  assert.deepEqual(shape(there), shape(here));
  assert.deepEqual(await collect(await there.images.save(["a", "reg.example/b:3"])), archive, "saving again gives the same bytes");
});

test("an archive read as an OCI layout alone gives the same images", async () => {
  await using here = await filled();
  const members: Member[] = [];
  for await (const { header, body } of readTar(await here.images.save(["a", "reg.example/b:3"])))
    if (!["manifest.json", "repositories"].includes(header.name)) members.push({ ...header, content: await collect(body) });
  await using there = await testImages();
  assert.deepEqual((await load(there, makeTar(members))).toSorted(), [
    "Loaded image: a:1",
    "Loaded image: a:2",
    "Loaded image: reg.example/b:3",
  ]);
  assert.equal(there.images.find("a:2").id, here.images.find("a:1").id);
  const blob = members.find((member) => member.name.endsWith(digestOf(LAYER).slice(7)))!;
  const lies = makeTar(members.map((member) => (member === blob ? { ...member, content: SECOND, size: SECOND.length } : member)));
  await using elsewhere = await testImages();
  await assert.rejects(load(elsewhere, lies), { message: /has other content/ });
  assert.deepEqual(await elsewhere.files(), NOTHING);
});

test("`load()` of an OCI layout picks this machine's image from an index and leaves artifacts alone", async () => {
  await using here = await testImages();
  const members: Member[] = [];
  const blob = (content: string | Uint8Array, mediaType: string, more: object = {}) => {
    const digest = digestOf(content);
    members.push({ name: `blobs/sha256/${digest.slice(7)}`, content });
    return { mediaType, digest, size: content.length, ...more };
  };
  const manifest = (config: string, layer: Uint8Array, more: object) =>
    blob(
      JSON.stringify({
        schemaVersion: 2,
        config: blob(config, "application/vnd.oci.image.config.v1+json"),
        layers: [blob(layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
      }),
      "application/vnd.oci.image.manifest.v1+json",
      more,
    );
  const { hostArchitecture } = await import("../config.ts");
  const index = blob(
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        manifest(configOf([SECOND], { architecture: "other" }), gzipSync(SECOND), { platform: { os: "linux", architecture: "other" } }),
        manifest(configOf([LAYER]), gzipSync(LAYER), { platform: { os: "linux", architecture: hostArchitecture() } }),
        manifest("{}", LAYER, { platform: { os: "unknown", architecture: "unknown" } }),
      ],
    }),
    "application/vnd.oci.image.index.v1+json",
    { annotations: { "io.containerd.image.name": "docker.io/library/multi:1", "org.opencontainers.image.ref.name": "1" } },
  );
  members.push(
    { name: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests: [index] }) },
    { name: "oci-layout", content: "{}" },
  );
  assert.deepEqual(await load(here, makeTar(members)), ["Loaded image: multi:1"]);
  assert.equal(here.images.find("multi:1").id, digestOf(configOf([LAYER])));
  assert.equal((await here.files()).blobs.length, 2, "config and layer");
});

test("`save()` by id carries no name, and refuses before the first byte what is not there", async () => {
  await using here = await filled();
  const id = here.images.find("a:1").id;
  await using there = await testImages();
  assert.deepEqual(await load(there, await collect(await here.images.save([id.slice(7, 19)]))), [`Loaded image ID: ${id}`]);
  await assert.rejects(here.images.save(["a", "nosuch"]), { category: "notFound", message: "No such image: nosuch:latest" });
  await assert.rejects(here.images.save(["a:nosuch"]), { category: "notFound" });
  await assert.rejects(here.images.save([]), { category: "invalidParameter" });
});

test("`save()` finishes although its image is removed meanwhile, and nothing stays behind when the reader leaves", async () => {
  await using here = await filled();
  const none = { force: true, noPrune: false, inUse: () => [] };
  const stream = (await here.images.save(["reg.example/b:3"]))[Symbol.asyncIterator]();
  const parts = [(await stream.next()).value as Uint8Array];
  for (const reference of ["reg.example/b:3", "a:1", "a:2"]) await here.images.remove(reference, none);
  assert.equal((await here.files()).layers.length, 2, "held by the save");
  for (let next = await stream.next(); !next.done; next = await stream.next()) parts.push(next.value);
  assert.deepEqual(await here.files(), NOTHING);
  assert.deepEqual(await load(here, Buffer.concat(parts)), ["Loaded image: reg.example/b:3"]);
  for await (const _ of await here.images.save(["reg.example/b:3"])) break;
  await here.images.remove("reg.example/b:3", none);
  assert.deepEqual(await here.files(), NOTHING);
});

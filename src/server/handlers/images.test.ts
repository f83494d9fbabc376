import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { invalid } from "#base";
import { startFakeServer } from "../fakes/server.ts";

let fake: Awaited<ReturnType<typeof startFakeServer>>;
before(async () => {
  fake = await startFakeServer();
});
after(() => fake.close());

const tar = (pieces: number) =>
  Readable.from(
    (function* () {
      for (let index = 0; index < pieces; index++) yield Buffer.alloc(1 << 16);
    })(),
  );

test("import streams a body of any size and reports the id", async () => {
  fake.images.received = 0;
  const lines = await Array.fromAsync(
    fake.client.lines("imageCreate", { query: { fromSrc: "-", repo: "r", tag: "t", changes: ["CMD x"] }, stream: tar(160) }),
  );
  assert.equal(fake.images.received, 160 << 16);
  assert.deepEqual(lines, [{ status: `sha256:${"c".repeat(64)}` }]);
  assert.deepEqual(fake.images.calls.at(-1), ["importTar", { repository: "r", tag: "t", changes: ["CMD x"] }]);
});

test("import that fails half way answers with a status, and the connection lives", async () => {
  const whole = fake.images.importTar;
  fake.images.importTar = async (source) => {
    for await (const _ of source) throw invalid("invalid tar header");
    return "";
  };
  try {
    await assert.rejects(fake.client.stream("imageCreate", { query: { fromSrc: "-" }, stream: tar(160) }), {
      category: "invalidParameter",
      message: "invalid tar header",
    });
  } finally {
    fake.images.importTar = whole;
  }
  assert.equal((await fake.client.call("imageList")).length, 2);
});

test("an upload that is broken off fails the import and nothing else", async () => {
  const failure = Promise.withResolvers<unknown>();
  const whole = fake.images.importTar;
  fake.images.importTar = (source, options) => {
    const result = whole.call(fake.images, source, options);
    result.catch(failure.resolve);
    return result;
  };
  const abort = new AbortController();
  const endless = new Readable({ read() {} });
  endless.push(Buffer.alloc(1 << 16));
  const call = fake.client.stream("imageCreate", { query: { fromSrc: "-" }, stream: endless, signal: abort.signal });
  setTimeout(() => abort.abort(), 50);
  await assert.rejects(call);
  assert.ok((await failure.promise) instanceof Error);
  fake.images.importTar = whole;
  assert.equal((await fake.client.call("imageList")).length, 2);
});

test("load prints progress unless quiet, and failures after the first line are lines", async () => {
  const loud = await Array.fromAsync(fake.client.lines("imageLoad", { query: { quiet: false }, stream: tar(1) }));
  assert.deepEqual(loud, [
    { status: "Loading layer", progressDetail: { current: 1, total: 2 }, id: "abc" },
    { stream: "Loaded image: busybox:latest\n" },
  ]);
  assert.equal((await Array.fromAsync(fake.client.lines("imageLoad", { stream: tar(1) }))).length, 1);
  const whole = fake.images.load;
  fake.images.load = async (_, onProgress) => {
    onProgress({ id: "abc", status: "Loading layer", current: 1, total: 2 });
    throw new Error("layer is torn");
  };
  const lines = await Array.fromAsync(fake.client.lines("imageLoad", { query: { quiet: false }, stream: tar(1) }));
  fake.images.load = whole;
  assert.deepEqual(lines.at(-1), { errorDetail: { message: "layer is torn" }, error: "layer is torn" });
});

test("names of images hold slashes and ports", async () => {
  const name = "10.0.0.1:5000/team/app:v1";
  assert.equal((await fake.client.call("imageInspect", { params: { name } })).Id, `sha256:${"b".repeat(64)}`);
  assert.equal((await fake.client.call("imageHistory", { params: { name } })).length, 1);
  await fake.client.call("imageTag", { params: { name }, query: { repo: "10.0.0.1:5000/x", tag: "v2" } });
  assert.deepEqual(fake.images.calls.at(-1), ["tag", name, "10.0.0.1:5000/x:v2"]);
  assert.deepEqual(await fake.client.call("imageDelete", { params: { name } }), [{ Untagged: name }]);
});

test("images are listed by filter", async () => {
  const tags = async (filters: Record<string, string[]>) =>
    (await fake.client.call("imageList", { query: { filters } })).flatMap((image) => image.RepoTags as string[]);
  assert.deepEqual(await tags({ reference: ["busy*"] }), ["busybox:latest"]);
  assert.deepEqual(await tags({ reference: ["10.0.0.1:5000/*/app"] }), ["10.0.0.1:5000/team/app:v1"]);
  assert.deepEqual(await tags({ reference: ["*app*"] }), []);
  assert.deepEqual(await tags({ label: ["tier=a"] }), ["busybox:latest"]);
  assert.deepEqual(await tags({ dangling: ["true"] }), []);
  await assert.rejects(tags({ bogus: ["x"] }), { message: "invalid filter 'bogus'" });
});

test("pull, push, search and login say that there is no registry client, where there is none", async () => {
  const refused = (call: Promise<unknown>) => assert.rejects(call, { category: "notImplemented" });
  await refused(fake.client.call("imageCreate", { query: { fromImage: "x" } }));
  await refused(fake.client.call("imagePush", { params: { name: "x" } }));
  await refused(fake.client.call("imageSearch", { query: { term: "x" } }));
  await refused(fake.client.call("auth", { body: {} }));
  await refused(fake.client.call("containerStats", { params: { id: "x" } }));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { pruneConditions, selectImages } from "./filters.ts";
import { momentOf, pathPattern } from "./go-text.ts";
import { imageInspectJson, imageSummaryJson } from "./json.ts";
import { makeTar, streamOf, testImages } from "./testing.ts";

async function three() {
  const here = await testImages();
  for (const [index, reference] of ["dnsbench:1", "ctbb:1", "reg.example/a/b:2", "ctbb:1"].entries()) {
    await here.images.importTar(streamOf(makeTar([{ name: "f", content: reference }])), {
      repository: reference,
      changes: [`LABEL n=${index} same=x`],
    });
    // Images are ordered by their millisecond.
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  return here;
}

test("`selectImages()` lists newest first and keeps what the filters ask for", async () => {
  await using here = await three();
  const show = (filters: Record<string, string[]>) =>
    selectImages(here.images, { all: false, filters }).map((image) => image.repoTags[0] ?? "<none>");
  const rows: readonly [Record<string, string[]>, string[]][] = [
    [{}, ["ctbb:1", "reg.example/a/b:2", "<none>", "dnsbench:1"]],
    [{ dangling: ["true"] }, ["<none>"]],
    [{ dangling: ["0"] }, ["ctbb:1", "reg.example/a/b:2", "dnsbench:1"]],
    [{ reference: ["c*"] }, ["ctbb:1"]],
    [{ reference: ["ctbb", "dns?ench"] }, ["ctbb:1", "dnsbench:1"]],
    [{ reference: ["*:1"] }, ["ctbb:1", "dnsbench:1"]],
    [{ reference: ["docker.io/library/ctbb:1"] }, []],
    [{ reference: ["*/ctbb"] }, []],
    [{ reference: ["reg.example/*/b"] }, ["reg.example/a/b:2"]],
    [{ label: ["n=0", "same"] }, ["dnsbench:1"]],
    [{ label: ["nosuch"] }, []],
    [{ before: ["reg.example/a/b:2"] }, ["<none>", "dnsbench:1"]],
    [{ since: ["reg.example/a/b:2"] }, ["ctbb:1"]],
    [{ until: ["1h"] }, []],
  ];
  for (const [filters, expected] of rows) assert.deepEqual(show(filters), expected, JSON.stringify(filters));
});

test("`selectImages()` refuses filters that are unknown or make no sense", async () => {
  await using here = await three();
  const refused: readonly [Record<string, string[]>, string, string][] = [
    [{ bogus: ["1"] }, "invalidParameter", "invalid filter 'bogus'"],
    [{ dangling: ["maybe"] }, "invalidParameter", "invalid filter 'dangling=[maybe]'"],
    [{ dangling: ["true", "false"] }, "invalidParameter", "invalid filter 'dangling=[true false]'"],
    [{ before: ["nosuch"] }, "notFound", "No such image: nosuch:latest"],
    [{ reference: ["["] }, "invalidParameter", "syntax error in pattern"],
    [{ until: ["zz"] }, "invalidParameter", 'failed to parse value as time or duration: "zz"'],
  ];
  for (const [filters, category, message] of refused)
    assert.throws(() => selectImages(here.images, { all: false, filters }), { category, message });
  assert.throws(() => pruneConditions({ reference: ["x"] }), { message: "invalid filter 'reference'" });
});

test("`pathPattern()` matches as Go's path.Match", () => {
  const rows: readonly [string, string, boolean][] = [
    ["a*", "a/b", false],
    ["a?c", "abc", true],
    ["[a-c]x", "bx", true],
    ["[^a-c]x", "bx", false],
    ["[^a-c]x", "dx", true],
    ["\\*", "*", true],
    ["[\\]]", "]", true],
    ["a.c", "abc", false],
    ["a$", "a$", true],
    ["", "", true],
  ];
  for (const [pattern, text, expected] of rows) assert.equal(pathPattern(pattern)(text), expected, `${pattern} ${text}`);
  for (const bad of ["[", "[]", "[a", "[a-]", "\\", "[-a]"])
    assert.throws(() => pathPattern(bad), { message: "syntax error in pattern" }, bad);
});

test("`momentOf()` reads durations, seconds and dates", () => {
  assert.equal(momentOf("10m", 1_000_000), 400_000);
  assert.equal(momentOf("1h1.5s", 10_000_000), 6_398_500);
  assert.equal(momentOf("12.5", 0), 12_500);
  assert.equal(momentOf("2024-01-02T03:04:05Z", 0), Date.UTC(2024, 0, 2, 3, 4, 5));
});

test("`imageSummaryJson()` and `imageInspectJson()` have the fields of the client's API version", async () => {
  await using here = await three();
  const view = here.images.find("ctbb:1");
  const old = imageSummaryJson(view, { minor: 41 });
  assert.deepEqual(old, {
    Containers: -1,
    Created: Math.floor(Date.parse(view.created) / 1000),
    Id: view.id,
    Labels: { n: "3", same: "x" },
    ParentId: "",
    RepoDigests: null,
    RepoTags: ["ctbb:1"],
    SharedSize: -1,
    Size: 6,
    VirtualSize: 6,
  });
  assert.equal("VirtualSize" in imageSummaryJson(view, { minor: 44 }), false);
  const nameless = { ...view, repoTags: [] };
  assert.deepEqual(imageSummaryJson(nameless, { minor: 41 }).RepoTags, ["<none>:<none>"]);
  assert.deepEqual(imageSummaryJson(nameless, { minor: 43 }).RepoTags, []);
  const inspect = imageInspectJson(view, { minor: 41, directories: ["/l/b", "/l/a"] });
  assert.deepEqual(inspect.GraphDriver, { Name: "overlay2", Data: { LowerDir: "/l/a", UpperDir: "/l/b" } });
  assert.equal((inspect.Config as { Hostname: string }).Hostname, "");
  assert.deepEqual(imageInspectJson(view, { minor: 50, directories: [] }).Config, { Labels: { n: "3", same: "x" } });
});

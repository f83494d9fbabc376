import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diffTar } from "../commit.ts";
import { readTar, TarType } from "../tar/mod.ts";
import { collect, makeTar, streamOf, testImages } from "../testing.ts";

/** Runs a script with the layers mounted by overlayfs at $m, in a mount namespace of its own. @returns its output */
function inOverlay(lower: readonly string[], work: string, script: string): string {
  const mount = `m=${work}/merged; mount -t overlay overlay -o lowerdir=${lower.join(":")},upperdir=${work}/upper,workdir=${work}/work $m; cd $m`;
  return execFileSync("unshare", ["-m", "sh", "-ec", `${mount}; ${script}`], { encoding: "utf8" }).trim();
}

async function workspace() {
  const path = await mkdtemp(join(tmpdir(), "fairway-overlay-"));
  for (const name of ["upper", "work", "merged"]) await mkdir(join(path, name));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const BASE = makeTar([
  { name: "keep", content: "1" },
  { name: "gone", content: "2" },
  { name: "gonedir/" },
  { name: "gonedir/x", content: "3" },
  { name: "opaque/", mode: 0o750 },
  { name: "opaque/old", content: "4" },
]);

test("`commit()` of a layer with whiteouts hides what it deletes when overlayfs mounts it", async () => {
  await using here = await testImages();
  await using work = await workspace();
  const parent = await here.images.importTar(streamOf(BASE), {});
  const layer = makeTar([
    { name: ".wh.gone" },
    { name: ".wh.gonedir" },
    { name: "opaque/", mode: 0o711, uid: 7 },
    { name: "opaque/.wh..wh..opq" },
    { name: "opaque/new", content: "5" },
    { name: ".wh..wh.plnk/", mode: 0o700 },
    { name: ".wh..wh.plnk/1" },
  ]);
  const id = await here.images.commit({ parent, layer: streamOf(layer), config: {} });
  const lower = here.images.lowerDirs(id);
  assert.equal(lower.length, 2);
  assert.equal(inOverlay(lower, work.path, "find . -mindepth 1 | sort | xargs"), "./keep ./opaque ./opaque/new");
  assert.equal(inOverlay(lower, work.path, "stat -c '%a %u' opaque"), "711 7", "the directory keeps its mode and owner");
});

test("an opaque mark counts when it comes before its directory, or without one", async () => {
  await using here = await testImages();
  await using work = await workspace();
  const parent = await here.images.importTar(streamOf(BASE), {});
  const before = await here.images.commit({
    parent,
    layer: streamOf(makeTar([{ name: "opaque/.wh..wh..opq" }, { name: "opaque/", mode: 0o700 }, { name: "gonedir/.wh..wh..opq" }])),
    config: {},
  });
  assert.equal(
    inOverlay(here.images.lowerDirs(before), work.path, "ls -A opaque gonedir | xargs; stat -c %a opaque"),
    "gonedir: opaque:\n700",
  );
});

test("`diffTar()` gives the layer that makes the same tree again", async () => {
  await using here = await testImages();
  await using work = await workspace();
  const parent = await here.images.importTar(streamOf(BASE), {});
  const change = `rm gone; rm -r gonedir; rm -r opaque; mkdir -m 700 opaque; echo 6 >opaque/new; ln -s /etc/passwd link; ln keep hard; mkfifo fifo; ${"mkdir d; cd d; ".repeat(3)} touch ${"n".repeat(120)}`;
  const show = "find . -mindepth 1 -printf '%p %y %m %l\\n' | sort";
  const want = inOverlay(here.images.lowerDirs(parent), work.path, `(${change}); ${show}`);
  const layer = await collect(diffTar(join(work.path, "upper")));
  const members: string[] = [];
  for await (const { header, pax } of readTar(streamOf(layer))) {
    members.push(header.name);
    assert.notEqual(header.type, TarType.charDevice);
    assert.deepEqual(
      [...pax.keys()].filter((key) => key.includes("overlay")),
      [],
    );
  }
  assert.ok(members.includes(".wh.gone") && members.includes(".wh.gonedir") && members.includes("opaque/.wh..wh..opq"), members.join());
  const id = await here.images.commit({ parent, layer: streamOf(layer), config: {} });
  await using again = await workspace();
  assert.equal(inOverlay(here.images.lowerDirs(id), again.path, show), want);
});

test("file capabilities and user attributes survive the unpacking, overlayfs's own do not come in from an image", async () => {
  await using here = await testImages();
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex").toString("latin1");
  const pax = new Map([
    ["SCHILY.xattr.security.capability", capability],
    ["SCHILY.xattr.user.note", "hi"],
    ["SCHILY.xattr.trusted.overlay.redirect", "/etc"],
  ]);
  const id = await here.images.importTar(streamOf(makeTar([{ name: "ping", mode: 0o755, pax }])), {});
  const [directory = ""] = here.images.lowerDirs(id);
  const found = execFileSync("tar", ["--create", "--xattrs", "--xattrs-include=*", "--format=pax", "-C", directory, "ping"]);
  assert.ok(found.includes(`SCHILY.xattr.security.capability=${capability}`, 0, "latin1"));
  assert.ok(found.includes("SCHILY.xattr.user.note=hi"));
  assert.ok(!found.includes("redirect"));
});

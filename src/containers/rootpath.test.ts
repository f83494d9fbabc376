import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, test } from "node:test";
import { readInRoot } from "./rootpath.ts";

const directory = mkdtempSync(`${tmpdir()}/rootpath-`);
after(() => rmSync(directory, { recursive: true, force: true }));
const root = `${directory}/root`;
mkdirSync(`${root}/etc`, { recursive: true });
writeFileSync(`${directory}/passwd`, "the host's");

test("`readInRoot()` gives a file's text, through links that stay inside", () => {
  writeFileSync(`${root}/etc/group`, "adm:x:4:");
  symlinkSync("/etc/group", `${root}/etc/link`);
  assert.equal(readInRoot(root, "/etc/group"), "adm:x:4:");
  assert.equal(readInRoot(root, "/etc/link"), "adm:x:4:");
  assert.equal(readInRoot(root, "/etc/none"), undefined);
});

test("`readInRoot()` gives nothing, and waits for nobody, when it is no plain file", () => {
  // Reading a pipe that nobody writes would hold the whole daemon.
  execFileSync("mkfifo", [`${root}/etc/pipe`]);
  assert.equal(readInRoot(root, "/etc/pipe"), undefined);
  assert.equal(readInRoot(root, "/etc"), undefined);
});

test("`readInRoot()` gives nothing when the file is larger than such a file ever is", () => {
  writeFileSync(`${root}/etc/huge`, "");
  truncateSync(`${root}/etc/huge`, 1 << 30);
  assert.equal(readInRoot(root, "/etc/huge"), undefined);
});

test("`readInRoot()` gives nothing of a directory that was swapped for a link after the path was resolved", () => {
  symlinkSync(directory, `${root}/swapped`);
  assert.equal(
    readInRoot(root, "/swapped/passwd", (path) => `${root}${path}`),
    undefined,
  );
});

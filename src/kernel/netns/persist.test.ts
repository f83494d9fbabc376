import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Errno, isErrno, openUdp } from "#kernel/ffi";
import {
  createNamespace,
  enter,
  isolate,
  listNamespaces,
  NamespaceHandle,
  namespaceExists,
  namespaceInode,
  removeNamespace,
  removeNamespaceDirectory,
} from "./mod.ts";

const isolated = isolate();
const options = { skip: isolated ? false : "needs root" };
const root = mkdtempSync(join(tmpdir(), "fairway-netns-"));
const directory = join(root, "netns");
process.once("exit", () => rmSync(root, { recursive: true, force: true }));

const links = () =>
  readFileSync("/proc/net/dev", "utf8")
    .match(/^\s*\S+(?=:)/gm)!
    .map((name) => name.trim());

test("`createNamespace()` pins a new namespace, and `removeNamespace()` leaves nothing", options, () => {
  const path = join(directory, "one");
  createNamespace(path);
  assert.notEqual(namespaceInode(path), namespaceInode("host"));
  assert.deepEqual(listNamespaces(directory), [{ name: "one", path, live: true }]);
  assert.throws(
    () => createNamespace(path),
    (error) => isErrno(error, Errno.EEXIST),
  );
  assert.equal(namespaceExists(path), true, "a refused create left the first one alone");
  assert.equal(removeNamespace(path), true);
  assert.equal(removeNamespace(path), false);
  assert.deepEqual(listNamespaces(directory), []);
});

test("`enter()` works inside the namespace and comes back, nested and when thrown out of", options, () => {
  const [a, b] = [join(directory, "a"), join(directory, "b")];
  createNamespace(a);
  createNamespace(b);
  const inode = () => {
    using here = NamespaceHandle.current();
    return here.inode;
  };
  const before = inode();
  enter(a, () => {
    assert.equal(inode(), namespaceInode(a));
    assert.deepEqual(links(), ["lo"]);
    enter(b, () => assert.equal(inode(), namespaceInode(b)));
    assert.equal(inode(), namespaceInode(a));
    enter("host", () => assert.equal(inode(), before));
    createNamespace(join(directory, "c"));
    assert.equal(inode(), namespaceInode(a));
    assert.throws(() =>
      enter(b, () => {
        throw new Error("out");
      }),
    );
    assert.equal(inode(), namespaceInode(a));
  });
  assert.equal(inode(), before);
  assert.throws(
    () => enter(join(directory, "none"), () => 1),
    (error) => isErrno(error, Errno.ENOENT),
  );
  assert.throws(() => enter(a, async () => 1), TypeError);
  assert.throws(() => enter(import.meta.filename, () => 1), { errnoName: "EINVAL", operation: `enter namespace ${import.meta.filename}` });
  assert.equal(inode(), before);
  removeNamespaceDirectory(directory);
  assert.equal(existsSync(directory), false);
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(root), false, "no mount is left");
});

test("a `NamespaceHandle` keeps a removed namespace alive until it is closed", options, () => {
  const path = join(directory, "held");
  createNamespace(path);
  {
    using handle = NamespaceHandle.at(path);
    const inode = namespaceInode(path);
    removeNamespace(path);
    assert.equal(
      enter(handle, () => NamespaceHandle.current().inode),
      inode,
    );
  }
  removeNamespaceDirectory(directory);
});

test("`isolate()` moves the thread pool too", options, async () => {
  const [sync, pooled] = [readFileSync("/proc/net/dev", "utf8"), await readFile("/proc/thread-self/net/dev", "utf8")];
  assert.equal(sync.match(/:/g)!.length, pooled.match(/:/g)!.length);
  assert.deepEqual(links(), ["lo"]);
});

test("a socket opened in `enter()` stays in its namespace", options, () => {
  const path = join(directory, "dns");
  createNamespace(path);
  using socket = enter(path, () => openUdp({ address: "0.0.0.0", port: 5353 }));
  using second = openUdp({ address: "0.0.0.0", port: 5353 });
  assert.deepEqual(socket.localAddress, second.localAddress);
  removeNamespaceDirectory(directory);
});

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import { Errno, isErrno, MS_BIND, mountFs, unmount } from "./mod.ts";

const options = { skip: isolate() ? false : "needs root" };

test("`mountFs()` mounts with type, flags and data, and `unmount()` takes it away", options, () => {
  const directory = mkdtempSync(join(tmpdir(), "fairway-mount-"));
  mountFs({ source: "tmpfs", target: directory, type: "tmpfs", data: "size=1m" });
  const { bsize, blocks } = statfsSync(directory);
  assert.equal(bsize * blocks, 1 << 20);
  const [from, to] = [join(directory, "from"), join(directory, "to")];
  writeFileSync(from, "bound");
  writeFileSync(to, "");
  mountFs({ source: from, target: to, flags: MS_BIND });
  assert.equal(readFileSync(to, "utf8"), "bound");
  unmount(to);
  assert.equal(readFileSync(to, "utf8"), "");
  unmount(directory);
  rmSync(directory, { recursive: true });
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(directory), false);
});

test("`mountFs()` and `unmount()` name what and where when refused", options, () => {
  assert.throws(
    () => mountFs({ source: "x", target: "/nonexistent", type: "tmpfs" }),
    (error) =>
      isErrno(error, Errno.ENOENT) && (error as Error).message === "mount tmpfs on /nonexistent: No such file or directory (ENOENT)",
  );
  assert.throws(
    () => unmount("/proc/self"),
    (error) => isErrno(error, Errno.EINVAL) && (error as Error).message.startsWith("umount /proc/self: "),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHierarchies } from "./cgroups.ts";

// Lines of /proc/self/mountinfo on a machine with the hybrid layout.
const hybrid = `25 21 0:22 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
26 25 0:23 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
27 25 0:24 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
28 25 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate`;

test("`parseHierarchies()` finds mount options that name a hierarchy again when versions are mixed", () => {
  assert.deepEqual(parseHierarchies(hybrid), [
    { mount: "/sys/fs/cgroup/cpu", version: 1, options: "cpu,cpuacct" },
    { mount: "/sys/fs/cgroup/systemd", version: 1, options: "none,name=systemd" },
    { mount: "/sys/fs/cgroup/unified", version: 2, options: "" },
  ]);
});

import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { type Check, fail, ok, warn } from "../check.ts";
import { type HostFiles, readNumber } from "./files.ts";

const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
const TMPFS_MAGIC = 0x01021994;
const GIB = 1 << 30;

/** What a file system says of itself; `statfs` of node in real life. */
export interface FileSystem {
  readonly type: number;
  /** Bytes. */
  readonly available: number;
  readonly size: number;
}

/** The file system that a path is on, or will be. */
export function fileSystemOf(path: string): FileSystem {
  let there = path;
  while (!existsSync(there)) there = dirname(there);
  const { type, bavail, blocks, bsize } = statfsSync(there);
  return { type, available: bavail * bsize, size: blocks * bsize };
}

/** Where images and containers are kept: kind of file system, and room. */
export function dataRoot(path: string, { type, available, size }: FileSystem): Check[] {
  const kind =
    type === OVERLAYFS_SUPER_MAGIC
      ? fail(
          "data-root",
          `${path} is on an overlayfs, as inside a container: overlay mounts cannot be nested on it.`,
          "put --data-root on a volume or another disk",
        )
      : type === TMPFS_MAGIC
        ? warn("data-root", `${path} is on a tmpfs: images and records are gone at the next boot.`, "put --data-root on a disk")
        : ok("data-root", `${path} is on a file system that takes overlay mounts.`);
  const free = `${(available / GIB).toFixed(1)} GiB of ${(size / GIB).toFixed(1)} GiB are free at ${path}`;
  const part = size === 0 ? 1 : available / size;
  if (available < GIB / 4) return [kind, fail("disk-space", `${free}.`, "docker system prune, or a larger disk")];
  if (available < 2 * GIB && part < 0.1) return [kind, warn("disk-space", `${free}.`, "docker system prune, or a larger disk")];
  return [kind, ok("disk-space", `${free}.`)];
}

/** Limits that many containers run into. `pid`: whose limits count; undefined without a daemon. */
export function limits(files: HostFiles, pid: number | undefined): Check[] {
  const checks: Check[] = [];
  const instances = readNumber(files, "/proc/sys/fs/inotify/max_user_instances");
  if (instances !== undefined && instances < 512)
    checks.push(
      warn(
        "inotify",
        `fs.inotify.max_user_instances is ${instances}, for all containers of one user together.`,
        "sysctl -w fs.inotify.max_user_instances=8192",
      ),
    );
  const watches = readNumber(files, "/proc/sys/fs/inotify/max_user_watches");
  if (watches !== undefined && watches < 65536)
    checks.push(
      warn(
        "inotify",
        `fs.inotify.max_user_watches is ${watches}, for all containers of one user together.`,
        "sysctl -w fs.inotify.max_user_watches=1048576",
      ),
    );
  const open = pid === undefined ? undefined : /^Max open files\s+(\d+|unlimited)/m.exec(files.read(`/proc/${pid}/limits`) ?? "")?.[1];
  if (open !== undefined && open !== "unlimited" && Number(open) < 16_384)
    checks.push(
      warn(
        "open-files",
        `The daemon may open ${open} files; each running container takes about ten.`,
        "LimitNOFILE=1048576 in its unit, or ulimit -n 1048576 before it starts",
      ),
    );
  if (checks.length === 0) checks.push(ok("limits", "Limits of inotify and open files are high enough."));
  return checks;
}

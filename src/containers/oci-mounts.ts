import { existsSync } from "node:fs";
import { invalid } from "#base";
import type { SandboxView } from "#engine";
import { DEFAULT_SHM_SIZE } from "./host-config.ts";
import type { ContainerRecord, MountPoint } from "./record.ts";

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Pairs of which the later one given wins. */
const OPPOSITES: readonly (readonly [string, string])[] = [
  ["exec", "noexec"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["rw", "ro"],
];

/** Flags and keys a tmpfs takes, as Docker lists them (mount(8), tmpfs(5)). */
const TMPFS_FLAG =
  /^(defaults|r[ow]|(no)?(suid|dev|exec|mand|atime|diratime|relatime|strictatime)|a?sync|dirsync|remount|r?bind|r?(unbindable|private|shared|slave))$/;
const TMPFS_KEY = /^(mode|uid|gid|size|mpol|nr_inodes|nr_blocks)=/;

/** tmpfs options of `--tmpfs /x:opts` over Docker's defaults. @throws invalidParameter for one there is not */
export function tmpfsOptions(given: string): string[] {
  const result = ["noexec", "nosuid", "nodev"];
  for (const option of given.split(",").filter((each) => each !== "")) {
    if (!TMPFS_FLAG.test(option) && !TMPFS_KEY.test(option))
      throw invalid(
        `invalid tmpfs option [${option
          .split("=")
          .map((part) => JSON.stringify(part))
          .join(" ")}]`,
        { code: "bad-mount" },
      );
    const pair = OPPOSITES.find((each) => each.includes(option));
    const key = option.split("=", 1)[0]!;
    for (let index = result.length - 1; index >= 0; index--)
      if (pair?.includes(result[index]!) || result[index]!.split("=", 1)[0] === key) result.splice(index, 1);
    result.push(option);
  }
  return result;
}

function userMount(mount: MountPoint, source: string): OciMount {
  if (mount.Type === "tmpfs") {
    const { SizeBytes: size = 0, Mode: mode = 0 } = mount.options?.TmpfsOptions ?? {};
    const options = [...(mount.RW ? [] : ["ro"]), ...(size > 0 ? [`size=${size}`] : []), ...(mode > 0 ? [`mode=${mode.toString(8)}`] : [])];
    return { destination: mount.Destination, type: "tmpfs", source: "tmpfs", options: tmpfsOptions(options.join(",")) };
  }
  const recursive = !mount.options?.BindOptions?.NonRecursive;
  return {
    destination: mount.Destination,
    type: "bind",
    source,
    options: [recursive ? "rbind" : "bind", ...(mount.RW ? [] : ["ro"]), mount.Propagation || "rprivate"],
  };
}

/** How many names deep a path is: a mount must come after those it lies in. */
const depth = (path: string): number => path.split("/").filter((part) => part !== "").length;

/**
 * All mounts of a container: the kernel's file systems, then /dev/shm, the engine's files and the user's, outer before inner, so that a volume at
 * /etc does not hide /etc/hosts. A user's mount takes the place of a default one at the same destination.
 */
export function ociMounts(
  record: ContainerRecord,
  context: { sandbox: SandboxView; sourceOf(mount: MountPoint): string; shmPath: string | undefined; initPath: string | undefined },
): OciMount[] {
  const { hostConfig } = record;
  const writable = hostConfig.Privileged ? [] : ["ro"];
  const shmSize = hostConfig.ShmSize ?? DEFAULT_SHM_SIZE;
  const bind = (destination: string, source: string, ...options: string[]): OciMount => ({
    destination,
    type: "bind",
    source,
    options: ["rbind", ...options, "rprivate"],
  });
  const shm: OciMount[] =
    hostConfig.IpcMode === "none"
      ? []
      : context.shmPath
        ? [bind("/dev/shm", context.shmPath)]
        : [
            {
              destination: "/dev/shm",
              type: "tmpfs",
              source: "shm",
              options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${shmSize}`],
            },
          ];
  const files = hostConfig.ReadonlyRootfs ? ["ro"] : [];
  const kernel: OciMount[] = [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", ...writable] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...writable, "nosuid", "noexec", "nodev"] },
    hostConfig.IpcMode === "host" && existsSync("/dev/mqueue")
      ? bind("/dev/mqueue", "/dev/mqueue")
      : { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  ];
  const own: OciMount[] = [
    ...shm,
    bind("/etc/resolv.conf", context.sandbox.resolvConfPath, ...files),
    bind("/etc/hostname", context.sandbox.hostnamePath, ...files),
    bind("/etc/hosts", context.sandbox.hostsPath, ...files),
  ];
  const user = [
    ...Object.entries(hostConfig.Tmpfs ?? {}).map(
      ([destination, options]): OciMount => ({ destination, type: "tmpfs", source: "tmpfs", options: tmpfsOptions(options) }),
    ),
    ...record.mounts.map((mount) => userMount(mount, context.sourceOf(mount))),
    ...(context.initPath ? [bind("/sbin/docker-init", context.initPath, "ro")] : []),
  ];
  const taken = new Set(user.map(({ destination }) => destination));
  const free = ({ destination }: OciMount) => !taken.has(destination);
  const inner = [...own.filter(free), ...user].sort((a, b) => depth(a.destination) - depth(b.destination));
  return [...kernel.filter(free), ...inner];
}

import { close, constants, mkdirSync, openSync, readFileSync } from "node:fs";
import { invalid } from "#base";
import { mountFs, SystemError, unmount } from "#kernel/ffi";

/** A container's writable root: overlayfs over its image's layers. */
export interface RootPaths {
  readonly upper: string;
  readonly work: string;
  readonly merged: string;
}

export const rootPathsOf = (directory: string): RootPaths => ({
  upper: `${directory}/diff`,
  work: `${directory}/work`,
  merged: `${directory}/merged`,
});

/** mount(2) takes one page of options. */
const OPTION_LIMIT = 4095;

/** Mounts `merged`; the upper directory stays what it was. @param lowers topmost first @throws SystemError */
export function mountRoot(paths: RootPaths, lowers: readonly string[]): void {
  for (const path of [paths.upper, paths.work, paths.merged]) mkdirSync(path, { recursive: true, mode: 0o755 });
  const data = `lowerdir=${lowers.map(escapeLower).join(":")},upperdir=${paths.upper},workdir=${paths.work}`;
  if (data.length > OPTION_LIMIT)
    throw invalid(
      `Cannot mount the image: its ${lowers.length} layers need ${data.length} bytes of mount options and the kernel takes ${OPTION_LIMIT}`,
      {
        code: "too-many-layers",
      },
    );
  mountFs({ source: "overlay", target: paths.merged, type: "overlay", data });
}

/** A colon parts lower directories, so one inside a path is escaped (overlayfs.rst). */
const escapeLower = (path: string): string => path.replaceAll("\\", "\\\\").replaceAll(":", "\\:");

/** umount2(2): what is there is no mount point, or nothing is. */
const NOT_MOUNTED: readonly string[] = ["EINVAL", "ENOENT"];

/** Takes the mount away; none there is no error. @throws SystemError */
export function unmountRoot(paths: RootPaths): void {
  try {
    unmount(paths.merged);
  } catch (error) {
    if (!(error instanceof SystemError && NOT_MOUNTED.includes(error.errnoName))) throw error;
  }
}

/**
 * Keeps a root's file system alive, mounted or not. When the last who has it lets go, the kernel syncs the disk below: 5 ms, or as long as it takes to
 * write what others have written. Were that the container's first process, its exit would wait for it; were it the event loop, everybody.
 */
export class HeldRoot {
  readonly #fd: number;

  /** @param path where it is mounted, or `/proc/PID/root` @throws ErrnoException */
  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /** Lets go on a thread of the pool. Once. */
  release(): Promise<void> {
    return new Promise((resolve) => close(this.#fd, () => resolve()));
  }
}

export const unescapeMount = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** Mount points of this namespace under a directory, deepest first. */
export function mountsUnder(directory: string, mountinfo: string = readFileSync("/proc/self/mountinfo", "utf8")): string[] {
  return mountinfo
    .split("\n")
    .map((line) => unescapeMount(line.split(" ")[4] ?? ""))
    .filter((point) => point.startsWith(`${directory}/`))
    .reverse();
}

export const isMountPoint = (path: string): boolean =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => unescapeMount(line.split(" ")[4] ?? "") === path);

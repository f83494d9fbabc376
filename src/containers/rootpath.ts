import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { invalid } from "#base";

/** The kernel's own limit on links followed in one lookup (ELOOP). */
const MAX_LINKS = 40;

/**
 * A path as a process whose root is `root` would reach it: links are followed inside, `..` never leaves. What does not exist is taken as written.
 * Only for trees no hostile process changes meanwhile (an unstarted container's), or with a look at what was opened, as `readInRoot()` takes.
 * @throws invalidParameter on a loop of links
 */
export function resolveInRoot(root: string, path: string): string {
  const pending = path.split("/").reverse();
  let links = 0;
  const done: string[] = [];
  while (pending.length > 0) {
    const part = pending.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const candidate = `${root}/${[...done, part].join("/")}`;
    const target = linkTarget(candidate);
    if (target === undefined) {
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS)
      throw invalid(`Cannot resolve ${path} in the container: too many levels of symbolic links`, { code: "link-loop" });
    if (target.startsWith("/")) done.length = 0;
    pending.push(...target.split("/").reverse());
  }
  return done.length === 0 ? root : `${root}/${done.join("/")}`;
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** Far more than any passwd(5) takes. */
const LARGEST = 16 << 20;
/** open(2); of asm-generic/fcntl.h, for Node does not name it. Opens without touching what is there: no pipe is waited for, no device started. */
const O_PATH = 0o10000000;

/** Where an open file is: its mount (fdinfo of proc(5)), and the path in it. */
function placeOf(fd: number): { mount: string | undefined; path: string } {
  const [, mount] = /^mnt_id:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1")) ?? [];
  return { mount, path: readlinkSync(`/proc/self/fd/${fd}`) };
}

/** Whether an open file is below an open directory and on the same mount. */
function lies(fd: number, directory: number): boolean {
  const [file, root] = [placeOf(fd), placeOf(directory)];
  return file.mount === root.mount && file.path.startsWith(root.path === "/" ? "/" : `${root.path}/`);
}

/**
 * The text of a file in a container's root. What an image or a running container has put in its place is not trusted: pipes, devices, huge files and
 * whatever lies outside, on a mount of the container's too, count as absent.
 * @param root a directory, or `/proc/PID/root`
 * @param resolve for tests
 */
export function readInRoot(root: string, path: string, resolve = (each: string) => resolveInRoot(root, each)): string | undefined {
  const open: number[] = [];
  const hold = (place: string, flags: number) => {
    const fd = openSync(place, O_PATH | flags);
    open.push(fd);
    return fd;
  };
  try {
    const directory = hold(root, constants.O_DIRECTORY);
    const file = hold(resolve(path), constants.O_NOFOLLOW);
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > LARGEST || !lies(file, directory)) return undefined;
    return readFileSync(`/proc/self/fd/${file}`, "utf8");
  } catch {
    return undefined;
  } finally {
    open.forEach(closeSync);
  }
}

import { lstatSync, readlinkSync } from "node:fs";
import { invalid } from "#base";

/** The kernel's own limit on links followed in one lookup (ELOOP). */
const MAX_LINKS = 40;

/**
 * A path as a process whose root is `root` would reach it: links are followed inside, `..` never leaves. What does not exist is taken as written.
 * Only for trees no hostile process changes meanwhile (an unstarted container's).
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

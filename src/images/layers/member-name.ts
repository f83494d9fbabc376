import { invalid } from "#base";

/** Bytes of the longest path, its NUL counted (PATH_MAX of linux/limits.h). */
const PATH_MAX = 4096;

/** A byte string as a user may read it. */
export const readable = (name: string): string => Buffer.from(name, "latin1").toString("utf8");

/**
 * The path of a tar member below the root it is unpacked into: no leading `/` or `./`, no empty parts, `a/../b` resolved. The root itself is ".".
 * @throws invalidParameter `tar-breakout` when it would leave the root, `bad-tar` when it is no path
 */
export function memberName(name: string): string {
  if (name.length >= PATH_MAX)
    throw invalid(`Error processing tar file(exit status 1): ${readable(name.slice(0, 64))}…: file name too long`, { code: "bad-tar" });
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined)
      throw invalid(`Error processing tar file(exit status 1): invalid path ${JSON.stringify(readable(name))}: it is outside of the root`, {
        code: "tar-breakout",
        context: { name: readable(name) },
      });
  }
  if (name.includes("\0")) throw invalid("Error processing tar file(exit status 1): archive/tar: invalid tar header", { code: "bad-tar" });
  return parts.length === 0 ? "." : parts.join("/");
}

/** `a/b/c` → [`a/b`, `c`]; the directory of a top-level name is ".". */
export function splitMember(name: string): readonly [directory: string, base: string] {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? [".", name] : [name.slice(0, slash), name.slice(slash + 1)];
}

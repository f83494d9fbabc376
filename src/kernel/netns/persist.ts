import { closeSync, mkdirSync, openSync, readdirSync, rmdirSync, statfsSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { Errno, isErrno, MNT_DETACH, MS_BIND, MS_SHARED, mountFs, SystemError, UMOUNT_NOFOLLOW, unmount } from "#kernel/ffi";
import { type NamespaceHandle, newNamespace } from "./namespace.ts";

/** linux/magic.h: what statfs(2) says of a namespace file. */
const NSFS_MAGIC = 0x6e736673;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Makes the file to mount on. @throws SystemError EEXIST */
function reserve(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o444));
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new SystemError(`create namespace ${path}`, Errno.EEXIST);
    if (codeOf(error) !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    closeSync(openSync(path, "wx", 0o444));
  }
}

/** A shared mount of its own, as /run/netns is: an unmount then reaches every mount namespace that copied it, and namespaces really end. */
function shareDirectory(directory: string): void {
  try {
    mountFs({ target: directory, flags: MS_SHARED });
  } catch (error) {
    if (!isErrno(error, Errno.EINVAL)) throw error;
    mountFs({ source: directory, target: directory, flags: MS_BIND });
    mountFs({ target: directory, flags: MS_SHARED });
  }
}

/**
 * Makes a network namespace and pins it at `path`, a file in a directory that holds nothing else.
 * It has `lo`, down, and outlives every process until `removeNamespace`.
 * @throws SystemError EEXIST when `path` is there already; EPERM without CAP_SYS_ADMIN
 */
export function createNamespace(path: string): void {
  using namespace = newNamespace(path);
  pinNamespace(namespace, path);
}

/** Pins a namespace at `path`, as `createNamespace` does. @throws SystemError EEXIST */
export function pinNamespace(namespace: NamespaceHandle, path: string): void {
  reserve(path);
  try {
    shareDirectory(dirname(path));
    mountFs({ source: `/proc/self/fd/${namespace.fd}`, target: path, flags: MS_BIND });
  } catch (error) {
    unlinkSync(path);
    throw error;
  }
}

/** Unpins a namespace; the kernel ends it, and the links in it, when its last process and socket are gone. False when there was nothing. @throws SystemError */
export function removeNamespace(path: string): boolean {
  try {
    unmount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
  } catch (error) {
    // EINVAL: a file left by a crash between making and mounting.
    if (!isErrno(error, Errno.EINVAL) && !isErrno(error, Errno.ENOENT)) throw error;
  }
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

export interface PinnedNamespace {
  readonly name: string;
  readonly path: string;
  /** False for a file with no namespace behind it, as after a crash half way. */
  readonly live: boolean;
}

/** True when `path` is the file of a namespace that exists. */
export function namespaceExists(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** The namespaces pinned in a directory; none when there is no such directory. */
export function listNamespaces(directory: string): PinnedNamespace[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
  return names.map((name) => ({ name, path: join(directory, name), live: namespaceExists(join(directory, name)) }));
}

/** Removes every namespace of a directory, its mount and the directory. For teardown of a whole root. @throws SystemError */
export function removeNamespaceDirectory(directory: string): void {
  for (const { path } of listNamespaces(directory)) removeNamespace(path);
  try {
    unmount(directory);
  } catch (error) {
    if (!isErrno(error, Errno.EINVAL) && !isErrno(error, Errno.ENOENT)) throw error;
  }
  try {
    rmdirSync(directory);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

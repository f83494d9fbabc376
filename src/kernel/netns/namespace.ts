import { fstatSync, stat, statSync } from "node:fs";
import { CLONE_NEWNET, FileDescriptor, type SystemError, setns, unshare } from "#kernel/ffi";

/** The network namespace this process started in; any other is the path of a namespace file. */
export const HOST_NAMESPACE = "host";

const OWN_NAMESPACE = "/proc/thread-self/ns/net";

/** A network namespace held open: it lives as long as this does, whatever happens to its path. */
export class NamespaceHandle extends FileDescriptor {
  readonly name: string;

  constructor(fd: number, name: string) {
    super(fd);
    this.name = name;
  }

  /** @throws SystemError ENOENT when nobody made it; SystemError EINVAL at the first `enter` when the file is no namespace */
  static at(path: string): NamespaceHandle {
    return new NamespaceHandle(FileDescriptor.open(path).detach(), path);
  }

  /** The namespace the calling thread is in now. */
  static current(name = "current"): NamespaceHandle {
    return new NamespaceHandle(FileDescriptor.open(OWN_NAMESPACE).detach(), name);
  }

  /** The inode that names it in /proc: equal inodes, same namespace. */
  get inode(): number {
    return fstatSync(this.fd).ino;
  }
}

/**
 * Where the thread is: a thread is in one namespace at a time, so this is a fact of the process and not state of ours.
 * `home` is opened before the first move and kept for ever.
 */
const where: { home: NamespaceHandle | undefined; now: NamespaceHandle | undefined } = { home: undefined, now: undefined };

function home(): NamespaceHandle {
  if (!where.home) {
    where.home = NamespaceHandle.current(HOST_NAMESPACE);
    // Starts node's thread pool here and now: threads are born in their creator's namespace, and would stay in a container's for ever.
    stat("/", () => {});
  }
  return where.home;
}

/** Goes back, or ends the process: a daemon in the wrong namespace would change somebody else's network. */
function comeBack(to: NamespaceHandle): void {
  try {
    setns(to, CLONE_NEWNET);
  } catch (error) {
    process.stderr.write(`Cannot return to namespace ${to.name}: ${(error as SystemError).message}\n`);
    process.abort();
  }
}

/**
 * Runs `act` with the thread inside a namespace, `"host"` or a path or a handle, and always returns. Sockets opened, and files under
 * /proc/sys/net and /proc/net read and written synchronously in `act`, are the namespace's. May be nested. `act` must not await: the return
 * happens when it returns. Processes it starts stay in the namespace.
 * @throws SystemError when the namespace cannot be entered; TypeError when `act` returns a promise
 */
export function enter<T>(namespace: string | NamespaceHandle, act: () => T): T {
  const from = where.now ?? home();
  const opened = typeof namespace !== "string" ? undefined : namespace === HOST_NAMESPACE ? undefined : NamespaceHandle.at(namespace);
  const target = typeof namespace !== "string" ? namespace : (opened ?? home());
  try {
    if (target === from) return synchronous(act());
    setns(target, CLONE_NEWNET, `enter namespace ${target.name}`);
    where.now = target;
    try {
      return synchronous(act());
    } finally {
      comeBack(from);
      where.now = from;
    }
  } finally {
    opened?.close();
  }
}

function synchronous<T>(result: T): T {
  if (result instanceof Promise) throw new TypeError("Cannot await inside enter(): the thread has left the namespace by then");
  return result;
}

/** A new network namespace with `lo`, down. It lasts as long as the handle, or what else comes to hold it. @throws SystemError EPERM without CAP_SYS_ADMIN */
export function newNamespace(name: string): NamespaceHandle {
  const from = where.now ?? home();
  unshare(CLONE_NEWNET);
  try {
    return NamespaceHandle.current(name);
  } finally {
    comeBack(from);
  }
}

/** The inode of a namespace, as `ls -Li /run/netns` prints it: equal inodes, same namespace. @throws Error ENOENT */
export const namespaceInode = (namespace: string): number => (namespace === HOST_NAMESPACE ? home().inode : statSync(namespace).ino);

import { CLONE_NEWNET, CLONE_NEWNS, MS_PRIVATE, MS_REC, mountFs, unshare } from "#kernel/ffi";

const MARK = "FAIRWAY_ISOLATED";

export interface IsolateOptions {
  /** Directories that get an empty tmpfs of their own; they must exist. */
  readonly tmpfs?: readonly string[];
  /** Mount a sysfs of the new network namespace over /sys. Hides /sys/fs/cgroup. */
  readonly sysfs?: boolean;
}

/**
 * For tests: moves this whole process into a network and mount namespace of its own, by unshare and re-exec (one thread's unshare would leave
 * node's thread pool outside). Call it first in the file: what ran before it runs twice. The process is `"host"` of an empty machine from
 * then on; mounts, links and namespaces it makes vanish with it. Returns false, having done nothing, without the privilege to.
 */
export function isolate(options: IsolateOptions = {}): boolean {
  if (process.env[MARK] === String(process.pid)) return true;
  if (process.getuid?.() !== 0) return false;
  unshare(CLONE_NEWNET | CLONE_NEWNS);
  mountFs({ target: "/", flags: MS_REC | MS_PRIVATE });
  for (const target of options.tmpfs ?? []) mountFs({ source: "tmpfs", target, type: "tmpfs" });
  if (options.sysfs) mountFs({ source: "sysfs", target: "/sys", type: "sysfs" });
  const environment = { ...process.env, [MARK]: String(process.pid) };
  return process.execve!(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], environment);
}

import { MNT_DETACH } from "./constants.ts";
import { libc } from "./libc.ts";
import { check } from "./system-error.ts";

export interface MountRequest {
  /** What to mount: a device, a directory for MS_BIND, any word for virtual file systems. */
  readonly source?: string;
  readonly target: string;
  /** `overlay`, `tmpfs`, `sysfs`…; not needed with MS_BIND or a propagation flag. */
  readonly type?: string;
  /** MS_* bits. */
  readonly flags?: number;
  /** The file system's own options, `lowerdir=…,upperdir=…`; one page at most. */
  readonly data?: string;
}

/** mount(2). @throws SystemError */
export function mountFs({ source = "none", target, type, flags = 0, data }: MountRequest): void {
  check(libc.mount(source, target, type ?? null, flags, data ?? null), () => `mount ${type ?? source} on ${target}`);
}

/** umount2(2); lazily unless `flags` says otherwise. @throws SystemError */
export function unmount(target: string, flags: number = MNT_DETACH): void {
  check(libc.umount2(target, flags), () => `umount ${target}`);
}

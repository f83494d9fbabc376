import type { FileDescriptor } from "./file-descriptor.ts";
import { libc } from "./libc.ts";
import { check } from "./system-error.ts";

/** setns(2) of the calling thread alone. For `kernel/netns`; everybody else uses `enter`. @throws SystemError */
export function setns(namespace: FileDescriptor, type: number, operation = "setns"): void {
  check(libc.setns(namespace.fd, type), operation);
}

/** unshare(2) of the calling thread alone. @throws SystemError */
export function unshare(flags: number): void {
  check(libc.unshare(flags), () => `unshare 0x${flags.toString(16)}`);
}

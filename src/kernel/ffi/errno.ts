import { errnoNumbers, libc } from "./libc.ts";

/** The errno values this code base switches on (asm-generic/errno-base.h, errno.h). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  ENOTEMPTY: 39,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EINPROGRESS: 115,
} as const;

/** Where two names share a number, the one the kernel's own sources use. */
const PREFERRED = new Map([
  [Errno.EAGAIN as number, "EAGAIN"],
  [Errno.EOPNOTSUPP as number, "EOPNOTSUPP"],
  [35, "EDEADLK"],
]);

const names: ReadonlyMap<number, string> = new Map([
  ...Object.entries(errnoNumbers).map(([name, value]) => [value, name] as const),
  ...PREFERRED,
]);

/** `17` → `EEXIST`; a number without a name gives `errno 524`. */
export const errnoName = (errno: number): string => names.get(errno) ?? (errno === 524 ? "ENOTSUPP" : `errno ${errno}`);

/** The C library's sentence for an errno, `File exists`. */
export const errnoText = (errno: number): string => (errno === 524 ? "Operation not supported" : libc.strerror(errno));

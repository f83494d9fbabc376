import koffi from "koffi";

/**
 * The C library, bound function by function at first call. Every function returns what C returns; `errno()` is that of the last
 * call. Buffers are passed by address and must not move while the call runs, which a synchronous call guarantees.
 * The variadic ones (open, fcntl) are bound with fixed arguments: the integer calling convention is the same on x86-64 and arm64.
 */
type Memory = Uint8Array | null;

// A C library is process-wide by nature: this is the one handle to it.
const library = koffi.load(null);

function bind<F extends (...args: never[]) => unknown>(name: string, result: string, args: string[]): F {
  let bound: ((...args: never[]) => unknown) | undefined;
  return ((...values: never[]) => {
    bound ??= library.func(name, result, args) as (...args: never[]) => unknown;
    return bound(...values);
  }) as F;
}

/** The same on a thread of the pool: the last value is called with the result on this thread. Memory is read when the pool comes to it. */
function bindOnPool<F extends (...args: never[]) => void>(name: string, result: string, args: string[]): F {
  let bound: ReturnType<typeof library.func> | undefined;
  return ((...values: never[]) => {
    bound ??= library.func(name, result, args);
    bound.async(...values);
  }) as F;
}

const sendAsync = bindOnPool<(fd: number, data: Memory, length: number, flags: number, done: () => void) => void>("send", "int64_t", [
  "int",
  "void *",
  "size_t",
  "int",
]);

/** send(2) on a thread of the pool; `done` runs on this thread afterwards. What `data` holds when the pool comes to it is sent. */
export function sendOnPool(fd: number, data: Uint8Array, flags: number, done: () => void): void {
  // The callback holds on to `data`, which the kernel reads meanwhile.
  sendAsync(fd, data, data.length, flags, () => done());
}

export const libc = {
  socket: bind<(domain: number, type: number, protocol: number) => number>("socket", "int", ["int", "int", "int"]),
  socketpair: bind<(domain: number, type: number, protocol: number, pair: Memory) => number>("socketpair", "int", [
    "int",
    "int",
    "int",
    "void *",
  ]),
  bind: bind<(fd: number, address: Memory, length: number) => number>("bind", "int", ["int", "void *", "uint32_t"]),
  connect: bind<(fd: number, address: Memory, length: number) => number>("connect", "int", ["int", "void *", "uint32_t"]),
  listen: bind<(fd: number, backlog: number) => number>("listen", "int", ["int", "int"]),
  getsockname: bind<(fd: number, address: Memory, length: Memory) => number>("getsockname", "int", ["int", "void *", "void *"]),
  setsockopt: bind<(fd: number, level: number, name: number, value: Memory, length: number) => number>("setsockopt", "int", [
    "int",
    "int",
    "int",
    "void *",
    "uint32_t",
  ]),
  getsockopt: bind<(fd: number, level: number, name: number, value: Memory, length: Memory) => number>("getsockopt", "int", [
    "int",
    "int",
    "int",
    "void *",
    "void *",
  ]),
  send: bind<(fd: number, data: Memory, length: number, flags: number) => number>("send", "int64_t", ["int", "void *", "size_t", "int"]),
  recv: bind<(fd: number, data: Memory, length: number, flags: number) => number>("recv", "int64_t", ["int", "void *", "size_t", "int"]),
  sendto: bind<(fd: number, data: Memory, length: number, flags: number, address: Memory, addressLength: number) => number>(
    "sendto",
    "int64_t",
    ["int", "void *", "size_t", "int", "void *", "uint32_t"],
  ),
  recvfrom: bind<(fd: number, data: Memory, length: number, flags: number, address: Memory, addressLength: Memory) => number>(
    "recvfrom",
    "int64_t",
    ["int", "void *", "size_t", "int", "void *", "void *"],
  ),
  recvmmsg: bind<(fd: number, headers: Memory, count: number, flags: number, timeout: null) => number>("recvmmsg", "int", [
    "int",
    "void *",
    "uint32_t",
    "int",
    "void *",
  ]),
  sendmmsg: bind<(fd: number, headers: Memory, count: number, flags: number) => number>("sendmmsg", "int", [
    "int",
    "void *",
    "uint32_t",
    "int",
  ]),
  shutdown: bind<(fd: number, how: number) => number>("shutdown", "int", ["int", "int"]),
  open: bind<(path: string, flags: number, mode: number) => number>("open", "int", ["str", "int", "uint32_t"]),
  close: bind<(fd: number) => number>("close", "int", ["int"]),
  fcntl: bind<(fd: number, command: number, argument: number) => number>("fcntl", "int", ["int", "int", "int64_t"]),
  setns: bind<(fd: number, type: number) => number>("setns", "int", ["int", "int"]),
  unshare: bind<(flags: number) => number>("unshare", "int", ["int"]),
  mount: bind<(source: string, target: string, type: string | null, flags: number, data: string | null) => number>("mount", "int", [
    "str",
    "str",
    "str",
    "uint64_t",
    "str",
  ]),
  umount2: bind<(target: string, flags: number) => number>("umount2", "int", ["str", "int"]),
  if_nametoindex: bind<(name: string) => number>("if_nametoindex", "uint32_t", ["str"]),
  strerror: bind<(errno: number) => string>("strerror", "str", ["int"]),
};

/** errno of the last libc call made on this thread. */
export const errno = (): number => koffi.errno();

/** Errno numbers by name, of the platform koffi was built for. */
export const errnoNumbers: Readonly<Record<string, number>> = koffi.os.errno;

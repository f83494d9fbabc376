import { close } from "node:fs";
import { O_CLOEXEC } from "./constants.ts";
import { libc } from "./libc.ts";
import { check } from "./system-error.ts";

/** Milliseconds. */
const LATER = 100;

/** An owned file descriptor, closed once: by `using`, by `close()`, or handed over with `detach()`. */
export class FileDescriptor implements Disposable {
  #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens `path` with O_CLOEXEC. @throws SystemError */
  static open(path: string, flags = 0, mode = 0): FileDescriptor {
    return new FileDescriptor(check(libc.open(path, flags | O_CLOEXEC, mode), () => `open ${path}`));
  }

  /** The number; -1 once closed or detached. */
  get fd(): number {
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  close(): void {
    if (this.#fd < 0) return;
    libc.close(this.detach());
  }

  /** Closes in a while, on a thread of the pool: for descriptors whose close waits in the kernel, or would just now. */
  closeLater(): void {
    if (this.#fd < 0) return;
    const fd = this.detach();
    setTimeout(() => close(fd, () => {}), LATER).unref();
  }

  /** Gives the number away: to node's `dgram` `bind({ fd })` or `net` `listen({ fd })`, which close it themselves. */
  detach(): number {
    const fd = this.#fd;
    this.#fd = -1;
    return fd;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

import { closeSync, constants, openSync, readSync, rmSync } from "node:fs";

/** ms between looks, and how long one may take. */
const LOOK = 1;
const LIMIT = 5000;

/**
 * What `runc start` does, without a process. A created container's init opens `exec.fifo` in the runtime's state directory for writing, which blocks
 * until someone reads, writes one byte and becomes the container's command; `runc state` says `created` as long as the file is there.
 * @returns false when there is no such fifo, or nobody wrote: the runtime's own command then says what is wrong
 */
export async function startByFifo(stateDirectory: string): Promise<boolean> {
  const path = `${stateDirectory}/exec.fifo`;
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    for (const end = performance.now() + LIMIT; performance.now() < end; ) {
      if (readByte(fd)) {
        rmSync(path, { force: true });
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
    return false;
  } finally {
    closeSync(fd);
  }
}

/** Nothing yet is either EAGAIN (opened, not written) or an end of file (not opened). */
function readByte(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1), 0, 1, null) === 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
    throw error;
  }
}

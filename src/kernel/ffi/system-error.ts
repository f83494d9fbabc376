import { FairwayError, type FairwayErrorOptions } from "#base";
import { errnoName, errnoText } from "./errno.ts";
import { errno } from "./libc.ts";

/**
 * A system call that failed: what was attempted, and the kernel's reason. Its message is `open /run/x: No such file or directory (ENOENT)`.
 * The category is always `internal`: a caller that knows what the user asked for says better.
 */
export class SystemError extends FairwayError {
  readonly operation: string;
  readonly errno: number;
  /** `EEXIST` */
  readonly errnoName: string;

  constructor(operation: string, errno: number, detail?: string, options: FairwayErrorOptions = {}) {
    const name = errnoName(errno);
    super("internal", `${operation}: ${errnoText(errno)} (${name})${detail ? `: ${detail}` : ""}`, {
      ...options,
      code: name.toLowerCase().replace(" ", "-"),
      context: { operation, errno: name, ...options.context },
    });
    this.name = "SystemError";
    this.operation = operation;
    this.errno = errno;
    this.errnoName = name;
  }
}

/** Passes a result that is not negative. @throws SystemError with errno */
export function check(result: number, operation: string | (() => string)): number {
  if (result >= 0) return result;
  const code = errno();
  throw new SystemError(typeof operation === "string" ? operation : operation(), code);
}

/** True when `error` is a kernel failure with that errno, as `isErrno(error, Errno.EEXIST)`. */
export const isErrno = (error: unknown, errno: number): boolean => error instanceof SystemError && error.errno === errno;

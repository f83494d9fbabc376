/** Seconds a container has to be gone after its own stop timeout, as dockerd gives it. */
const GRACE = 5;

/**
 * How long the daemon's end waits for its containers, in ms: dockerd's rule. That is the daemon's own timeout, or a container's with some grace
 * where that is longer, and Infinity where one of them is negative.
 * @param timeout `--shutdown-timeout`, in seconds
 * @param stopTimeouts of the containers that are up, in seconds
 */
export function shutdownLimit(timeout: number, stopTimeouts: readonly number[]): number {
  if (timeout < 0 || stopTimeouts.some((seconds) => seconds < 0)) return Number.POSITIVE_INFINITY;
  return Math.max(timeout, ...stopTimeouts.map((seconds) => seconds + GRACE)) * 1000;
}

/** Waits for something, for so many ms at most. @returns whether it came in time */
export async function within(limit: number, what: Promise<unknown>): Promise<boolean> {
  if (limit === Number.POSITIVE_INFINITY) return what.then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), limit)));
  const inTime = await Promise.race([what.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

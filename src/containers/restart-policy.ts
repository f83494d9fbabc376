import type { HostConfig } from "./types.ts";

const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
/** A run as long as this, in ms, forgives the failures before it. */
const GOOD_RUN = 10_000;

/** Whether a container that ended is to be started again. */
export function shouldRestart(
  policy: HostConfig["RestartPolicy"],
  facts: { exitCode: number; restartCount: number; stoppedByUser: boolean; daemonStart?: boolean },
): boolean {
  switch (policy?.Name) {
    case "always":
      // A stop by hand holds until the daemon starts again.
      return !facts.stoppedByUser || facts.daemonStart === true;
    case "unless-stopped":
      return !facts.stoppedByUser;
    case "on-failure":
      return !facts.stoppedByUser && facts.exitCode !== 0 && (!policy.MaximumRetryCount || facts.restartCount < policy.MaximumRetryCount);
    default:
      return false;
  }
}

/** ms to wait before the next try: doubled each time, from the start again after a good run. */
export const nextDelay = (last: number, ranFor: number): number =>
  last === 0 || ranFor >= GOOD_RUN ? FIRST_DELAY : Math.min(last * 2, LONGEST_DELAY);

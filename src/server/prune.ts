import { conflict } from "#base";

/** Runs the prunes of one kind of object, one at a time. The result throws conflict, in Docker's words, while one runs. */
export function onePruneAtATime(): <T>(prune: () => Promise<T>) => Promise<T> {
  let running = false;
  return async (prune) => {
    if (running) throw conflict("a prune operation is already running", { code: "prune-running" });
    running = true;
    try {
      return await prune();
    } finally {
      running = false;
    }
  };
}

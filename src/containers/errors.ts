import { conflict, invalid, notFound } from "#base";

export const noSuchContainer = (reference: string) =>
  notFound(`No such container: ${reference}`, { code: "no-such-container", context: { reference } });

export const notRunning = (id: string) => conflict(`Container ${id} is not running`, { code: "not-running", context: { id } });

export const isPaused = (id: string) =>
  conflict(`Container ${id} is paused, unpause the container before stopping or killing`, { code: "paused", context: { id } });

/** One message for what cannot be asked together, as `docker run` prints it. */
export const conflicting = (what: string) => invalid(`conflicting options: ${what}`, { code: "conflicting-options" });

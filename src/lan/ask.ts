import type { Poller } from "#kernel/ffi";
import type { LinkPort } from "./link-port.ts";
import { listen } from "./listen.ts";

export interface Question<T> {
  /** What it throws ends the question without an answer: the link went down, and nobody can be asked. */
  send(): void;
  /** Milliseconds before the first sending, in which answers count already; none unless given. */
  readonly delay?: number;
  /** Milliseconds to wait after each sending; their number is that of the sendings. */
  readonly waits: readonly number[];
  accept(packet: Uint8Array, sender: string): T | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sends again and again until an answer is accepted. @returns undefined when nobody answered in time or the signal ended it */
export function ask<T>(poller: Poller, port: LinkPort, { send, delay = 0, waits, accept, signal }: Question<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const finish = (result?: T) => {
    ended = true;
    clearTimeout(timer);
    listener[Symbol.dispose]();
    signal?.removeEventListener("abort", abort);
    resolve(result);
  };
  const abort = () => finish();
  const listener = listen(poller, port, (packet, sender) => {
    const result = accept(packet, sender);
    if (result !== undefined) finish(result);
  });
  let round = 0;
  const next = () => {
    listener.read();
    if (ended) return;
    const wait = waits[round++];
    if (wait === undefined) return finish();
    try {
      send();
    } catch {
      return finish();
    }
    timer = setTimeout(next, wait);
  };
  if (signal?.aborted) abort();
  else {
    signal?.addEventListener("abort", abort);
    if (delay > 0) timer = setTimeout(next, delay);
    else next();
  }
  return promise;
}

import type { Poller } from "#kernel/ffi";
import type { LinkPort } from "./link-port.ts";
import { listen } from "./listen.ts";

export interface Question<T> {
  send(): void;
  /** Milliseconds to wait after each sending; their number is that of the sendings. */
  readonly waits: readonly number[];
  accept(packet: Uint8Array, sender: string): T | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sends again and again until an answer is accepted. @returns undefined when nobody answered in time or the signal ended it */
export function ask<T>(poller: Poller, port: LinkPort, { send, waits, accept, signal }: Question<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  let timer: NodeJS.Timeout | undefined;
  const finish = (result?: T) => {
    clearTimeout(timer);
    watch[Symbol.dispose]();
    signal?.removeEventListener("abort", abort);
    resolve(result);
  };
  const abort = () => finish();
  const watch = listen(poller, port, (packet, sender) => {
    const result = accept(packet, sender);
    if (result !== undefined) finish(result);
  });
  let round = 0;
  const next = () => {
    const wait = waits[round++];
    if (wait === undefined) return finish();
    send();
    timer = setTimeout(next, wait);
  };
  if (signal?.aborted) abort();
  else {
    signal?.addEventListener("abort", abort);
    next();
  }
  return promise;
}

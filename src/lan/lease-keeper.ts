export interface LeaseCallbacks<L> {
  /** A lease was renewed or got anew: to be recorded; where its address differs from the last one's, the container's must change. */
  onLease(lease: L): void;
  /** The address may not be used any more. Another is looked for from now on. */
  onLost(reason: "expired" | "refused"): void;
}

export interface LeaseKeeping<L> extends Disposable {
  readonly lease: L;
}

/** What a protocol does for its keeper. Nothing of it rejects: no answer is `undefined`. */
export interface LeaseProtocol<L> {
  /** Milliseconds since the epoch; Infinity for what never comes. */
  times(lease: L): { readonly renew: number; readonly rebind: number; readonly expiry: number };
  /** Asks the lease's own server (renew) or any (rebind) for more time. */
  extend(lease: L, phase: "renew" | "rebind", signal: AbortSignal): Promise<L | "nak" | undefined>;
  /** Asks for a new lease, of the same address if it may be. */
  anew(lease: L, signal: AbortSignal): Promise<L | undefined>;
}

/** setTimeout's longest is 2^31-1 ms. */
const LONGEST = 2_000_000_000;
/** RFC 2131 section 4.4.5: no more often than once a minute. */
const SHORTEST = 60_000;

/** A lease whose T1 is over as soon as it is granted is not asked for without end. */
const SOONEST = 1000;

/**
 * Keeps a lease: renewing from T1, rebinding from T2, a new one once it has run out (RFC 2131 section 4.4.5, RFC 8415 section 18.2). Between those it
 * is one timer. Times are the wall clock's, so that a lease taken from disk goes on where it was.
 */
export class LeaseKeeper<L> implements LeaseKeeping<L> {
  readonly #protocol: LeaseProtocol<L>;
  readonly #callbacks: LeaseCallbacks<L>;
  readonly #stop = new AbortController();
  #lease: L;
  #lost = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(protocol: LeaseProtocol<L>, lease: L, callbacks: LeaseCallbacks<L>) {
    this.#protocol = protocol;
    this.#lease = lease;
    this.#callbacks = callbacks;
    this.#schedule();
  }

  get lease(): L {
    return this.#lease;
  }

  #schedule(): void {
    const { renew } = this.#protocol.times(this.#lease);
    if (renew !== Number.POSITIVE_INFINITY) this.#wait(Math.max(renew - Date.now(), SOONEST));
  }

  #wait(milliseconds: number): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#step(), Math.min(Math.max(milliseconds, 0), LONGEST));
    this.#timer.unref();
  }

  async #step(): Promise<void> {
    const now = Date.now();
    const { renew, rebind, expiry } = this.#protocol.times(this.#lease);
    if (!this.#lost && now < renew) return this.#wait(renew - now);
    if (!this.#lost && now >= expiry) this.#lose("expired");
    const { signal } = this.#stop;
    const outcome = this.#lost
      ? await this.#protocol.anew(this.#lease, signal)
      : await this.#protocol.extend(this.#lease, now < rebind ? "renew" : "rebind", signal);
    if (signal.aborted) return;
    if (outcome === "nak") {
      this.#lose("refused");
      return this.#wait(0);
    }
    if (outcome !== undefined) {
      this.#lost = false;
      this.#lease = outcome;
      this.#callbacks.onLease(outcome);
      return this.#schedule();
    }
    if (this.#lost) return this.#wait(SHORTEST / 2);
    // Half of what is left until the next state, but no more often than that.
    const next = now < rebind ? rebind : expiry;
    this.#wait(Math.min(Math.max((next - now) / 2, SHORTEST), Math.max(next - Date.now(), 0)));
  }

  #lose(reason: "expired" | "refused"): void {
    this.#lost = true;
    this.#callbacks.onLost(reason);
  }

  /** Forgets the lease without giving it back: the next start goes on with it. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }
}

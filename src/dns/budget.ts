/** Limits on what one sandbox may have forwarded. */
export interface BudgetOptions {
  /** Different questions in flight. */
  readonly maxInFlight?: number;
  /** Questions a second, in the long run, and how many may come at once. */
  readonly rate?: number;
  readonly burst?: number;
}

/** Keeps one container from using up what all share: a token bucket and a count. Times are milliseconds of `performance.now()`. */
export class ForwardBudget {
  inFlight = 0;
  readonly #maxInFlight: number;
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt = 0;

  constructor(options: BudgetOptions = {}) {
    this.#maxInFlight = options.maxInFlight ?? 256;
    this.#rate = options.rate ?? 2000;
    this.#burst = options.burst ?? 4000;
    this.#tokens = this.#burst;
  }

  /** @returns false when the question has to be refused */
  take(now: number): boolean {
    if (this.inFlight >= this.#maxInFlight) return false;
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) * this.#rate) / 1000);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

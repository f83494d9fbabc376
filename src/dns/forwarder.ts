import { askUpstream, type Exchange } from "./exchange.ts";
import type { Reply, UpstreamQuestion } from "./reply.ts";
import { rank, type Upstream } from "./upstream.ts";
import { Rcode } from "./wire.ts";

export interface ForwarderOptions {
  /** Questions in flight over all sandboxes; beyond it they are refused, but for a few of each sandbox. */
  readonly maxInFlight?: number;
  /** Milliseconds after which a question is given up: before the 5 s of the C libraries, so that they hear SERVFAIL instead of waiting on. */
  readonly timeout?: number;
  /** Upstreams used of a longer list. */
  readonly maxUpstreams?: number;
}

export interface ForwardResult {
  /** Undefined: nobody answered. */
  readonly reply: Reply | undefined;
  readonly upstream: Upstream | undefined;
}

/** Milliseconds a "no such name" of a later server waits for one configured before it: the first may know a company's names and the second may not. */
const NEGATIVE_GRACE = 1000;

/** Asks upstreams on behalf of all sandboxes. One per daemon. */
export class Forwarder {
  inFlight = 0;
  readonly #maxInFlight: number;
  readonly #timeout: number;
  readonly #maxUpstreams: number;

  constructor(options: ForwarderOptions = {}) {
    this.#maxInFlight = options.maxInFlight ?? 2048;
    this.#timeout = options.timeout ?? 4500;
    this.#maxUpstreams = options.maxUpstreams ?? 3;
  }

  get full(): boolean {
    return this.inFlight >= this.#maxInFlight;
  }

  /**
   * The first upstream in order is asked; the next one too when it fails, takes clearly longer than it usually does, or is not trusted to answer.
   * The first good reply (NOERROR or NXDOMAIN) wins. Each is asked twice at most. Never rejects.
   */
  async ask(question: UpstreamQuestion, upstreams: readonly Upstream[], signal: AbortSignal): Promise<ForwardResult> {
    this.inFlight++;
    try {
      return await new Race(question, rank(upstreams.slice(0, this.#maxUpstreams), performance.now()), this.#timeout).run(signal);
    } finally {
      this.inFlight--;
    }
  }
}

interface Attempt {
  readonly upstream: Upstream;
  readonly started: number;
  /** How it was thought of when it was asked. */
  readonly trusted: boolean;
  readonly stop: AbortController;
}

/** One question's way through the upstreams. */
class Race {
  readonly #question: UpstreamQuestion;
  readonly #timeout: number;
  readonly #queue: Upstream[];
  readonly #running: Attempt[] = [];
  #hedge: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;
  #held: ForwardResult | undefined;
  #resolve: (result: ForwardResult) => void = () => {};
  #over = false;

  constructor(question: UpstreamQuestion, order: readonly Upstream[], timeout: number) {
    this.#question = question;
    this.#timeout = timeout;
    this.#queue = [...order, ...order];
  }

  run(signal: AbortSignal): Promise<ForwardResult> {
    return new Promise((resolve) => {
      const giveUp = () => this.#finish(this.#held);
      const abandon = () => this.#finish(undefined, true);
      const timer = setTimeout(giveUp, this.#timeout);
      signal.addEventListener("abort", abandon);
      this.#resolve = (result) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abandon);
        resolve(result);
      };
      const first = this.#queue[0];
      if (!first || signal.aborted) return giveUp();
      this.#next();
      if (first.health(performance.now()) !== "good") this.#next();
    });
  }

  #next(): void {
    clearTimeout(this.#hedge);
    const upstream = this.#held ? undefined : this.#queue.shift();
    if (!upstream) {
      if (this.#running.length === 0) this.#finish(this.#held);
      return;
    }
    if (this.#queue.length > 0) this.#hedge = setTimeout(() => this.#next(), upstream.hedge());
    void this.#attempt(upstream);
  }

  async #attempt(upstream: Upstream): Promise<void> {
    const started = performance.now();
    const attempt: Attempt = { upstream, started, trusted: upstream.health(started) === "good", stop: new AbortController() };
    this.#running.push(attempt);
    if (!attempt.trusted) upstream.probes++;
    let result: Exchange;
    try {
      result = await askUpstream(upstream, this.#question, attempt.stop.signal);
    } catch (error) {
      result = { failure: String(error) };
    }
    if (!attempt.trusted) upstream.probes--;
    this.#running.splice(this.#running.indexOf(attempt), 1);
    const before = this.#running.filter((other) => other.started < started);
    if ("failure" in result) {
      const now = performance.now();
      // Cut off because another was first: held against it only if it had its usual time.
      if (!this.#over || now - started >= upstream.hedge()) upstream.failed(now);
      if (!this.#over) this.#next();
      return;
    }
    if (this.#over) return;
    const { reply } = result;
    if (reply.rcode !== Rcode.NOERROR && reply.rcode !== Rcode.NXDOMAIN) return this.#next();
    const hasAnswer = reply.rcode === Rcode.NOERROR && reply.records.some((record) => record.section === "answer");
    if (hasAnswer || !before.some((other) => other.trusted && other.upstream !== upstream)) return this.#finish({ reply, upstream });
    this.#held ??= { reply, upstream };
    this.#grace ??= setTimeout(() => this.#finish(this.#held), NEGATIVE_GRACE);
  }

  #finish(result: ForwardResult = { reply: undefined, upstream: undefined }, abandoned = false): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#hedge);
    clearTimeout(this.#grace);
    this.#resolve(result);
    for (const { upstream, trusted, stop, started } of [...this.#running]) {
      // One that is not trusted is left its usual time: whether it answers decides what is thought of it. One such question at a time goes to it.
      const left = upstream.hedge() - (performance.now() - started);
      if (trusted || abandoned || left <= 0) stop.abort();
      else setTimeout(() => stop.abort(), left).unref();
    }
  }
}

import type { Poller } from "#kernel/ffi";
import { acquireDhcp4, askFor } from "./acquire.ts";
import { Conversation, type Dhcp4Identity } from "./exchange.ts";
import { type Dhcp4Lease, expiryOf, INFINITE } from "./lease.ts";

export interface Dhcp4Callbacks {
  /** A lease was renewed or got anew: to be recorded; where its address differs from the last one's, the container's must change. */
  onLease(lease: Dhcp4Lease): void;
  /** The address may not be used any more. Another is looked for from now on. */
  onLost(reason: "expired" | "refused"): void;
}

export interface Dhcp4Keeping extends Disposable {
  readonly lease: Dhcp4Lease;
}

/** setTimeout's longest, 2^31-1 ms, and then some left. */
const LONGEST = 2_000_000_000;
/** RFC 2131 section 4.4.5: no more often than once a minute. */
const SHORTEST = 60_000;
const WAITS = [2000, 4000];

/**
 * Keeps a lease: RENEWING from T1 (unicast to its server), REBINDING from T2 (anybody), and a new one once it has run out (RFC 2131 section 4.4.5).
 * Between those it is one timer. Times are the wall clock's, so that a lease taken from disk goes on where it was.
 */
export class Dhcp4Keeper implements Dhcp4Keeping {
  readonly #poller: Poller;
  readonly #identity: Dhcp4Identity;
  readonly #callbacks: Dhcp4Callbacks;
  readonly #stop = new AbortController();
  #lease: Dhcp4Lease;
  #lost = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(poller: Poller, identity: Dhcp4Identity, lease: Dhcp4Lease, callbacks: Dhcp4Callbacks) {
    this.#poller = poller;
    this.#identity = identity;
    this.#lease = lease;
    this.#callbacks = callbacks;
    this.#schedule();
  }

  get lease(): Dhcp4Lease {
    return this.#lease;
  }

  #schedule(): void {
    const { obtained, renew, lease } = this.#lease;
    if (lease === INFINITE) return;
    this.#wait(obtained + renew * 1000 - Date.now());
  }

  #wait(milliseconds: number): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#step(), Math.min(Math.max(milliseconds, 0), LONGEST));
    this.#timer.unref();
  }

  async #step(): Promise<void> {
    const now = Date.now();
    const { obtained, renew, rebind } = this.#lease;
    const expiry = expiryOf(this.#lease);
    const [t1, t2] = [obtained + renew * 1000, obtained + rebind * 1000];
    if (!this.#lost && now < t1) return this.#wait(t1 - now);
    if (!this.#lost && now >= expiry) this.#lose("expired");
    const outcome = this.#lost ? await this.#anew() : await this.#extend(now < t2);
    if (this.#stop.signal.aborted) return;
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
    const next = now < t2 ? t2 : expiry;
    this.#wait(Math.min(Math.max((next - now) / 2, SHORTEST), Math.max(next - Date.now(), 0)));
  }

  #lose(reason: "expired" | "refused"): void {
    this.#lost = true;
    this.#callbacks.onLost(reason);
  }

  async #extend(unicast: boolean): Promise<Dhcp4Lease | "nak" | undefined> {
    const { address, server, serverMac } = this.#lease;
    try {
      using conversation = new Conversation(this.#poller, this.#identity);
      const to = unicast ? { source: address, server, serverMac } : undefined;
      return await askFor(conversation, { clientAddress: address }, WAITS, this.#stop.signal, to);
    } catch {
      // The link is gone for now: the lease is not.
      return undefined;
    }
  }

  async #anew(): Promise<Dhcp4Lease | undefined> {
    try {
      const request = { ...this.#identity, requested: this.#lease.address, signal: this.#stop.signal };
      return (await acquireDhcp4(this.#poller, request)).lease;
    } catch {
      return undefined;
    }
  }

  /** Forgets the lease without giving it back: the next start goes on with it. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }
}

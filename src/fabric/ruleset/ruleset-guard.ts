import { type Log, messageOf, silentLog } from "#base";
import type { Poller, Watch } from "#kernel/ffi";
import { NftMonitor, type RulesetEvent } from "#kernel/nftables";
import type { NamespaceRef } from "../types.ts";
import type { NftFirewall } from "./nft-firewall.ts";

/** Milliseconds until what failed is tried again. */
const RETRY = 1000;

export interface RulesetGuardOptions {
  readonly firewall: NftFirewall;
  readonly poller: Poller;
  readonly namespace?: NamespaceRef;
  readonly log?: Log;
  /** Elements of ours may be missing or changed: `fabric.repair()`. */
  onElements(): void;
}

/**
 * Puts the ruleset back when somebody else touches it: `nft flush ruleset`, a firewall manager's reload. Rules come back at once, within the
 * wake-up that tells of their loss; elements are the fabric's to repair. Connections live in conntrack and notice nothing.
 */
export class RulesetGuard implements Disposable {
  readonly #options: RulesetGuardOptions;
  readonly #monitor: NftMonitor;
  readonly #watch: Watch;
  readonly #log: Log;
  #restored = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: RulesetGuardOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#monitor = new NftMonitor(options.namespace);
    this.#watch = options.poller.add(this.#monitor.descriptor, () => this.#look());
  }

  /** How often the ruleset was put back. */
  get restored(): number {
    return this.#restored;
  }

  #look(): void {
    try {
      const { events, resync } = this.#monitor.drain();
      const { firewall } = this.#options;
      const foreign = events.filter(
        ({ generation, changes }) => !firewall.isOwn(generation) && changes.some(({ table }) => table === "fairway"),
      );
      if (foreign.length > 0 || resync) this.#mend(foreign.at(-1));
    } catch (error) {
      this.#tryAgain(error);
    }
  }

  #mend(last?: RulesetEvent): void {
    const { firewall } = this.#options;
    if (!firewall.intact()) {
      firewall.load();
      this.#restored++;
      this.#log.warn("nftables ruleset restored", { by: last?.process ?? "unknown", pid: last?.pid ?? 0 });
    } else firewall.rememberUserChain();
    this.#options.onElements();
  }

  /** No further event need come: without the ruleset nothing is isolated or published, so it is tried until it is there. */
  #tryAgain(cause: unknown): void {
    this.#log.error("nftables ruleset not restored", { error: messageOf(cause) });
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      try {
        this.#mend();
      } catch (error) {
        this.#tryAgain(error);
      }
    }, RETRY).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#retry);
    this.#watch[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
  }
}

import { type Log, messageOf, silentLog } from "#base";
import type { Poller, Watch } from "#kernel/ffi";
import { NftMonitor } from "#kernel/nftables";
import type { NamespaceRef } from "../types.ts";
import type { NftFirewall } from "./nft-firewall.ts";

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
    const { events, resync } = this.#monitor.drain();
    const { firewall } = this.#options;
    const foreign = events.filter(
      ({ generation, changes }) => !firewall.isOwn(generation) && changes.some(({ table }) => table === "fairway"),
    );
    if (foreign.length === 0 && !resync) return;
    try {
      if (!firewall.intact()) {
        firewall.load();
        this.#restored++;
        this.#log.warn("nftables ruleset restored", { by: foreign.at(-1)?.process ?? "unknown", pid: foreign.at(-1)?.pid ?? 0 });
      } else firewall.rememberUserChain();
      this.#options.onElements();
    } catch (error) {
      this.#log.error("nftables ruleset not restored", { error: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
  }
}

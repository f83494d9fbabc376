import { canonicalIp, familyOf, HOST } from "#base";
import type { Poller } from "#kernel/ffi";
import { arpConflict, decodeArp, ETH_P_ARP } from "./arp.ts";
import { LinkPort } from "./link-port.ts";
import { listen } from "./listen.ts";
import { ALL_NODES, decodeNeighbour, ETH_P_IPV6, multicastMac, ndpConflict, solicitedNode } from "./ndp.ts";
import { NEIGHBOUR_FILTER } from "./neighbour-filter.ts";

export interface ConflictWatchRequest {
  /** The parent in the host's namespace: conflicts are heard there for all its containers. */
  readonly link: string;
  readonly namespace?: string;
  readonly address: string;
  /** MACs that may use the address; the parent's own always may. */
  readonly owners: readonly string[];
  onConflict(mac: string): void;
}

interface Watched {
  readonly address: string;
  readonly owners: ReadonlySet<string>;
  readonly report: (mac: string) => void;
}

/** Milliseconds in which one offender of one address is reported once. */
const QUIET = 60_000;
/** Offenders of one address that are reported in that time: whoever forges MACs is to fill neither log nor memory. */
const OFFENDERS = 8;
/** Milliseconds until a link that went away is looked for again. */
const REOPEN = 1000;

/** Hears on a link, with one socket a family however many addresses, who else uses them. Sockets are there only while something is watched. */
export class ConflictWatch implements Disposable {
  readonly #poller: Poller;
  readonly #links = new Map<string, LinkWatch>();

  constructor(poller: Poller) {
    this.#poller = poller;
  }

  /** Never throws for a link that is not there: it is waited for. */
  add(request: ConflictWatchRequest): Disposable {
    const { link, namespace = HOST, onConflict } = request;
    const address = canonicalIp(request.address);
    const family = familyOf(address);
    const key = `${namespace} ${link} ${family}`;
    let watch = this.#links.get(key);
    if (!watch) this.#links.set(key, (watch = new LinkWatch(this.#poller, namespace, link, family)));
    const last = new Map<string, number>();
    const report = (mac: string) => {
      const now = performance.now();
      for (const [other, reported] of last) if (now - reported >= QUIET) last.delete(other);
      if (last.has(mac) || last.size >= OFFENDERS) return;
      last.set(mac, now);
      onConflict(mac);
    };
    const entry: Watched = { address, owners: new Set(request.owners), report };
    watch.add(entry);
    return {
      [Symbol.dispose]: () => {
        if (watch.remove(entry) > 0 || this.#links.get(key) !== watch) return;
        watch[Symbol.dispose]();
        this.#links.delete(key);
      },
    };
  }

  [Symbol.dispose](): void {
    for (const watch of this.#links.values()) watch[Symbol.dispose]();
    this.#links.clear();
  }
}

class LinkWatch implements Disposable {
  readonly #poller: Poller;
  readonly #where: { readonly namespace: string; readonly link: string };
  readonly #family: 4 | 6;
  readonly #watched = new Map<string, Set<Watched>>();
  #open: { readonly port: LinkPort; readonly listener: Disposable } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(poller: Poller, namespace: string, link: string, family: 4 | 6) {
    this.#poller = poller;
    this.#where = { namespace, link };
    this.#family = family;
    this.#reopen();
  }

  add(entry: Watched): void {
    const entries = this.#watched.get(entry.address) ?? new Set();
    this.#watched.set(entry.address, entries.add(entry));
    if (entries.size === 1) this.#group(entry.address, "join");
  }

  /** @returns how many addresses are left */
  remove(entry: Watched): number {
    const entries = this.#watched.get(entry.address);
    if (entries?.delete(entry) && entries.size === 0) {
      this.#watched.delete(entry.address);
      this.#group(entry.address, "leave");
    }
    return this.#watched.size;
  }

  /** Whoever tries an IPv6 address asks its group. */
  #group(address: string, action: "join" | "leave"): void {
    if (this.#family === 4) return;
    try {
      this.#open?.port[action](multicastMac(solicitedNode(address)));
    } catch {
      // The link has gone, and the socket has not been told yet.
      this.#later();
    }
  }

  #reopen(): void {
    this.#close();
    try {
      const six = this.#family === 6;
      const port = new LinkPort({ ...this.#where, ethertype: six ? ETH_P_IPV6 : ETH_P_ARP, ...(six ? { filter: NEIGHBOUR_FILTER } : {}) });
      if (six) for (const group of [ALL_NODES, ...[...this.#watched.keys()].map(solicitedNode)]) port.join(multicastMac(group));
      const hear = (packet: Uint8Array, sender: string) => (six ? this.#neighbour(packet, sender, port.mac) : this.#arp(packet, port.mac));
      this.#open = { port, listener: listen(this.#poller, port, hear, () => this.#later()) };
    } catch {
      this.#later();
    }
  }

  /** A link that went down may come back under another index: it is opened anew by name. */
  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#reopen();
    }, REOPEN);
    this.#timer.unref();
  }

  #arp(packet: Uint8Array, parentMac: string): void {
    const arp = decodeArp(packet);
    if (!arp || arp.senderMac === parentMac) return;
    const address = arp.senderAddress === "0.0.0.0" ? arp.targetAddress : arp.senderAddress;
    for (const { owners, report } of this.#watched.get(address) ?? []) {
      const mac = arpConflict(arp, address, owners);
      if (mac !== undefined) report(mac);
    }
  }

  #neighbour(packet: Uint8Array, sender: string, parentMac: string): void {
    const message = decodeNeighbour(packet);
    if (!message || sender === parentMac) return;
    for (const { owners, report } of this.#watched.get(message.target) ?? []) {
      const mac = ndpConflict(message, sender, message.target, owners);
      if (mac !== undefined) report(mac);
    }
  }

  #close(): void {
    this.#open?.listener[Symbol.dispose]();
    this.#open?.port[Symbol.dispose]();
    this.#open = undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#close();
  }
}

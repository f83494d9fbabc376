import { Poller } from "#kernel/ffi";
import { type Announcement, type AnnounceRequest, announceAddresses } from "./announce.ts";
import { ConflictWatch, type ConflictWatchRequest } from "./conflict-watch.ts";
import { acquireDhcp4, type Dhcp4Request, type Dhcp4Result, declineDhcp4, releaseDhcp4 } from "./dhcp4/acquire.ts";
import type { Dhcp4Identity } from "./dhcp4/exchange.ts";
import type { Dhcp4Lease } from "./dhcp4/lease.ts";
import { dhcp4Protocol } from "./dhcp4/protocol.ts";
import { acquireDhcp6, type Dhcp6Identity, type Dhcp6Wanted, dhcp6Protocol, releaseDhcp6 } from "./dhcp6/client.ts";
import type { Dhcp6Lease } from "./dhcp6/lease.ts";
import { type LeaseCallbacks, LeaseKeeper, type LeaseKeeping } from "./lease-keeper.ts";
import { type ProbeRequest, type ProbeResult, probeAddress } from "./probe.ts";
import { type RouterAdvice, solicitRouter } from "./router-discovery.ts";

/** What the engine asks of the LANs its containers are on. All of it is by packet sockets; nothing in the kernel is changed. */
export interface LanDoor {
  probeAddress(request: ProbeRequest): Promise<ProbeResult>;
  announceAddresses(request: AnnounceRequest): Announcement;
  watchConflicts(request: ConflictWatchRequest): Disposable;
  acquireDhcp4(request: Dhcp4Request): Promise<Dhcp4Result>;
  keepDhcp4(identity: Dhcp4Identity, lease: Dhcp4Lease, callbacks: LeaseCallbacks<Dhcp4Lease>): LeaseKeeping<Dhcp4Lease>;
  releaseDhcp4(identity: Dhcp4Identity, lease: Dhcp4Lease): void;
  declineDhcp4(identity: Dhcp4Identity, lease: Dhcp4Lease): void;
  solicitRouter(link: string): Promise<RouterAdvice | undefined>;
  acquireDhcp6(request: Dhcp6Wanted): Promise<{ readonly lease: Dhcp6Lease; readonly confirmed: boolean }>;
  keepDhcp6(identity: Dhcp6Identity, lease: Dhcp6Lease, callbacks: LeaseCallbacks<Dhcp6Lease>): LeaseKeeping<Dhcp6Lease>;
  releaseDhcp6(identity: Dhcp6Identity, lease: Dhcp6Lease): Promise<void>;
  declineDhcp6(identity: Dhcp6Identity, lease: Dhcp6Lease): Promise<void>;
}

export class Lan implements LanDoor, Disposable {
  readonly #poller = new Poller();
  readonly #watch = new ConflictWatch(this.#poller);

  /** Whether somebody has an address already; see `probe.ts`. @throws notFound without such a link */
  probeAddress(request: ProbeRequest): Promise<ProbeResult> {
    return probeAddress(this.#poller, request);
  }

  /** Tells the LAN of a container's addresses; see `announce.ts`. @throws notFound without such a link */
  announceAddresses(request: AnnounceRequest): Announcement {
    return announceAddresses(request);
  }

  /** Reports who else uses an address from now on, until disposed of; each offender once a minute. */
  watchConflicts(request: ConflictWatchRequest): Disposable {
    return this.#watch.add(request);
  }

  /** An address from the LAN's DHCP server; see `dhcp4/acquire.ts`. @throws FairwayError unavailable when no server gave one */
  acquireDhcp4(request: Dhcp4Request): Promise<Dhcp4Result> {
    return acquireDhcp4(this.#poller, request);
  }

  /** Renews a lease, new or taken from disk, until disposed of; see `lease-keeper.ts`. */
  keepDhcp4(identity: Dhcp4Identity, lease: Dhcp4Lease, callbacks: LeaseCallbacks<Dhcp4Lease>): LeaseKeeping<Dhcp4Lease> {
    return new LeaseKeeper(dhcp4Protocol(this.#poller, identity), lease, callbacks);
  }

  /** Gives a lease back to its server. @throws notFound without such a link */
  releaseDhcp4(identity: Dhcp4Identity, lease: Dhcp4Lease): void {
    releaseDhcp4(this.#poller, identity, lease);
  }

  /** Tells the server that a probe found somebody else at the address it gave. @throws notFound without such a link */
  declineDhcp4(identity: Dhcp4Identity, lease: Dhcp4Lease): void {
    declineDhcp4(this.#poller, identity, lease);
  }

  /** How the link's routers say that stations get IPv6 addresses; see `router-discovery.ts`. @throws notFound without such a link */
  solicitRouter(link: string): Promise<RouterAdvice | undefined> {
    return solicitRouter(this.#poller, link);
  }

  /** As `acquireDhcp4()`, of IPv6; see `dhcp6/client.ts`. */
  acquireDhcp6(request: Dhcp6Wanted): Promise<{ readonly lease: Dhcp6Lease; readonly confirmed: boolean }> {
    return acquireDhcp6(this.#poller, request);
  }

  keepDhcp6(identity: Dhcp6Identity, lease: Dhcp6Lease, callbacks: LeaseCallbacks<Dhcp6Lease>): LeaseKeeping<Dhcp6Lease> {
    return new LeaseKeeper(dhcp6Protocol(this.#poller, identity), lease, callbacks);
  }

  /** Settles when the server acknowledged, or was silent for two seconds. */
  releaseDhcp6(identity: Dhcp6Identity, lease: Dhcp6Lease): Promise<void> {
    return releaseDhcp6(this.#poller, identity, lease);
  }

  declineDhcp6(identity: Dhcp6Identity, lease: Dhcp6Lease): Promise<void> {
    return releaseDhcp6(this.#poller, identity, lease, "decline");
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#poller[Symbol.dispose]();
  }
}

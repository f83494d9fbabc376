import { Poller } from "#kernel/ffi";
import { type Announcement, type AnnounceRequest, announceAddresses } from "./announce.ts";
import { ConflictWatch, type ConflictWatchRequest } from "./conflict-watch.ts";
import { type ProbeRequest, type ProbeResult, probeAddress } from "./probe.ts";

/** What the engine asks of the LANs its containers are on. All of it is by packet sockets; nothing in the kernel is changed. */
export interface LanDoor {
  probeAddress(request: ProbeRequest): Promise<ProbeResult>;
  announceAddresses(request: AnnounceRequest): Announcement;
  watchConflicts(request: ConflictWatchRequest): Disposable;
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

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#poller[Symbol.dispose]();
  }
}

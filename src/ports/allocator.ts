import { type FairwayError, familyOf } from "#base";
import { allAllocated, alreadyAllocated, bindFailed, heldBy, type PortHolder } from "./errors.ts";
import { type HeldRange, RangeSet } from "./range-set.ts";
import { anyOf, type PortRange, type PortRequest, type Protocol, type PublishedPort } from "./types.ts";

/** Really takes ports from the host's other programs, by binding them or by whatever else does. */
export interface HostPortReserver {
  /**
   * All of the range or none of it.
   * @throws an error with an errno's name as `code`: `EADDRINUSE`, `EADDRNOTAVAIL`, …
   */
  reserve(proto: Protocol, ip: string, from: number, to: number): PortReservation;
  /** The program that keeps a port from being reserved, `nginx (pid 812)`; may be dear, and is asked for errors only. */
  holder?(proto: Protocol, ip: string, from: number, to: number): string | undefined;
}

export interface PortReservation extends Disposable {
  /** Carries what reaches the host's own sockets on to a container, from its port on. */
  relay?(target: { readonly address: string; readonly port: number }): void;
}

/** Reserves nothing: for tests, and where the host's ports are nobody's business (routed mode, a dry run). */
export const noReserver: HostPortReserver = { reserve: () => ({ [Symbol.dispose]() {} }) };

export interface PortAllocatorOptions {
  readonly reserver: HostPortReserver;
  /** `net.ipv4.ip_local_port_range`. */
  readonly ephemeral: PortRange;
  /** `net.ipv4.ip_local_reserved_ports`: never chosen, though they may be named. */
  readonly reserved?: readonly PortRange[];
}

/** The ports of one container, held until released. */
export interface PortLease extends Disposable {
  readonly ports: readonly PublishedPort[];
  /** Carries what reaches the host's own sockets on to the addresses that `addressOf` says; nothing where it says none. Once. */
  relay(addressOf: (port: PublishedPort) => string | undefined): void;
  /** Gives every port back. Idempotent. */
  release(): void;
}

export interface RestoredPorts {
  readonly lease: PortLease;
  /** What could not be taken again, because somebody else has it by now. */
  readonly lost: readonly { readonly port: PublishedPort; readonly error: FairwayError }[];
}

interface Held {
  readonly set: RangeSet<PortHolder>;
  readonly ip: string;
}

interface Claim extends Disposable {
  readonly port: PublishedPort;
  readonly reservation?: PortReservation;
}

/**
 * Who holds which host port. Cost depends on neither the length of a range nor how many ports are taken: a range is one entry, and every question is
 * a binary search an address.
 */
export class PortAllocator {
  readonly #reserver: HostPortReserver;
  #ephemeral: PortRange;
  #reserved = new RangeSet<null>();
  /** `tcp 4` → host address → what is held there. */
  readonly #held = new Map<string, Map<string, RangeSet<PortHolder>>>();
  /** The ephemeral port given last, by protocol and first host address. */
  readonly #last = new Map<string, number>();

  constructor(options: PortAllocatorOptions) {
    this.#reserver = options.reserver;
    this.#ephemeral = options.ephemeral;
    this.setEphemeral(options.ephemeral, options.reserved);
  }

  /** The host's settings have changed; what is held stays held. */
  setEphemeral(range: PortRange, reserved: readonly PortRange[] = []): void {
    this.#ephemeral = range;
    this.#reserved = new RangeSet<null>();
    let end = -1;
    for (const { from, to } of reserved.toSorted((a, b) => a.from - b.from)) {
      if (to > end) this.#reserved.add({ from: Math.max(from, end + 1), to, holder: null });
      end = Math.max(end, to);
    }
  }

  /**
   * Takes what all requests want, or nothing.
   * @throws internal: `port-allocated` naming the holder, `port-in-use`, `no-such-address`, `bind-failed`, `ports-exhausted`
   */
  allocate(holder: PortHolder, requests: readonly PortRequest[]): PortLease {
    const claims: Claim[] = [];
    try {
      for (const request of requests) this.#serve(holder, request, claims);
    } catch (error) {
      releaseAll(claims);
      throw this.#naming(error);
    }
    return leaseOf(claims);
  }

  /** Takes again what a record says a container holds; what another has taken meanwhile is reported, the rest is held. */
  restore(holder: PortHolder, ports: readonly PublishedPort[]): RestoredPorts {
    const claims: Claim[] = [];
    const lost: { port: PublishedPort; error: FairwayError }[] = [];
    for (const port of ports) {
      const range = { from: port.hostPort, to: port.hostPortEnd };
      if (port.hostPort === 0) {
        claims.push({ port, [Symbol.dispose]() {} });
        continue;
      }
      try {
        this.#assertFree(port.proto, [port.hostIp], range);
        claims.push(this.#claim(holder, port.proto, port.hostIp, range, port.containerPort));
      } catch (error) {
        lost.push({ port, error: this.#naming(bindFailed(port.proto, port.hostIp, range, error)) });
      }
    }
    return { lease: leaseOf(claims), lost };
  }

  /** Who holds a port of that address, itself or by holding every address. */
  holderOf(proto: Protocol, ip: string, port: number): PortHolder | undefined {
    return this.#conflict(proto, ip, port, port)?.entry.holder;
  }

  #naming<T>(error: T): T | FairwayError {
    return heldBy(error, (proto, ip, from, to) => this.#reserver.holder?.(proto, ip, from, to));
  }

  #serve(holder: PortHolder, request: PortRequest, claims: Claim[]): void {
    const { proto, hostIps, host, count } = request;
    if (host.kind === "exact") {
      const range = { from: host.from, to: host.from + count - 1 };
      this.#assertFree(proto, hostIps, range);
      this.#claimAll(holder, request, range, claims);
      return;
    }
    if (host.kind === "first") {
      if (!this.#tryUpwards(holder, request, host, this.#setsOf(proto, hostIps), claims)) throw allAllocated(proto, hostIps, host);
      return;
    }
    const cursor = `${proto} ${hostIps[0]}`;
    const { from, to } = this.#ephemeral;
    const last = this.#last.get(cursor) ?? from - 1;
    const sets = [...this.#setsOf(proto, hostIps), this.#reserved];
    const start = last >= from && last < to ? last + 1 : from;
    const chosen =
      this.#tryUpwards(holder, request, { from: start, to }, sets, claims) ??
      this.#tryUpwards(holder, request, { from, to: start - 1 }, sets, claims);
    if (chosen === undefined) throw allAllocated(proto, hostIps, this.#ephemeral);
    this.#last.set(cursor, chosen);
  }

  /** Takes the lowest port of the range that is free here and that the host gives. @returns the port */
  #tryUpwards(
    holder: PortHolder,
    request: PortRequest,
    { from, to }: PortRange,
    sets: readonly RangeSet<unknown>[],
    claims: Claim[],
  ): number | undefined {
    for (let port = nextFree(sets, from); port <= to; port = nextFree(sets, port + 1)) {
      try {
        this.#claimAll(holder, request, { from: port, to: port }, claims);
        return port;
      } catch (error) {
        if ((error as { code?: string }).code !== "port-in-use") throw error;
      }
    }
    return undefined;
  }

  /** The same ports on every address, or none of them. */
  #claimAll(holder: PortHolder, { proto, hostIps, containerPort }: PortRequest, range: PortRange, claims: Claim[]): void {
    const before = claims.length;
    try {
      for (const ip of hostIps) claims.push(this.#claim(holder, proto, ip, range, containerPort));
    } catch (error) {
      releaseAll(claims.splice(before));
      throw error;
    }
  }

  #claim(holder: PortHolder, proto: Protocol, ip: string, range: PortRange, containerPort: number): Claim {
    let reservation: PortReservation;
    try {
      reservation = this.#reserver.reserve(proto, ip, range.from, range.to);
    } catch (error) {
      throw bindFailed(proto, ip, range, error);
    }
    const key = `${proto} ${familyOf(ip)}`;
    let addresses = this.#held.get(key);
    if (!addresses) this.#held.set(key, (addresses = new Map()));
    let set = addresses.get(ip);
    if (!set) addresses.set(ip, (set = new RangeSet()));
    const entry: HeldRange<PortHolder> = { from: range.from, to: range.to, holder };
    set.add(entry);
    const forget = () => {
      set.delete(entry);
      if (set.isEmpty && addresses.get(ip) === set) addresses.delete(ip);
    };
    return {
      port: Object.freeze({ proto, hostIp: ip, hostPort: range.from, hostPortEnd: range.to, containerPort }),
      reservation,
      [Symbol.dispose]() {
        forget();
        reservation[Symbol.dispose]();
      },
    };
  }

  #assertFree(proto: Protocol, hostIps: readonly string[], { from, to }: PortRange): void {
    for (const ip of hostIps) {
      const found = this.#conflict(proto, ip, from, to);
      if (found) throw alreadyAllocated(proto, ip, Math.max(from, found.entry.from), found.ip, found.entry.holder);
    }
  }

  #conflict(proto: Protocol, ip: string, from: number, to: number): { entry: HeldRange<PortHolder>; ip: string } | undefined {
    let lowest: { entry: HeldRange<PortHolder>; ip: string } | undefined;
    for (const { set, ip: heldIp } of this.#rivals(proto, ip)) {
      const entry = set.overlapping(from, to);
      if (entry && (!lowest || Math.max(entry.from, from) < Math.max(lowest.entry.from, from))) lowest = { entry, ip: heldIp };
    }
    return lowest;
  }

  #setsOf(proto: Protocol, hostIps: readonly string[]): RangeSet<PortHolder>[] {
    return [...new Set(hostIps.flatMap((ip) => this.#rivals(proto, ip).map(({ set }) => set)))];
  }

  /** Addresses whose ports exclude this one's: all of the family for "any", otherwise itself and "any". */
  #rivals(proto: Protocol, ip: string): Held[] {
    const family = familyOf(ip);
    const addresses = this.#held.get(`${proto} ${family}`);
    if (!addresses) return [];
    const any = anyOf(family);
    if (ip === any) return Array.from(addresses, ([held, set]) => ({ ip: held, set }));
    return [ip, any].flatMap((held) => {
      const set = addresses.get(held);
      return set ? [{ ip: held, set }] : [];
    });
  }
}

function nextFree(sets: readonly RangeSet<unknown>[], port: number): number {
  for (let moved = true; moved; ) {
    moved = false;
    for (const set of sets) {
      const entry = set.overlapping(port, port);
      if (!entry) continue;
      port = entry.to + 1;
      moved = true;
    }
  }
  return port;
}

function leaseOf(claims: readonly Claim[]): PortLease {
  let held = claims;
  const release = () => {
    const releasing = held;
    held = [];
    releaseAll(releasing);
  };
  const relay: PortLease["relay"] = (addressOf) => {
    for (const { port, reservation } of held) {
      const address = reservation?.relay && addressOf(port);
      if (address) reservation.relay?.({ address, port: port.containerPort });
    }
  };
  return { ports: Object.freeze(claims.map(({ port }) => port)), relay, release, [Symbol.dispose]: release };
}

function releaseAll(claims: readonly Claim[]): void {
  for (const claim of claims.toReversed()) claim[Symbol.dispose]();
}

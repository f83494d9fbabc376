import type { Socket as UdpSocket } from "node:dgram";
import type { Socket as TcpSocket } from "node:net";
import type { Family } from "#base";

/** Opens the sockets of one network namespace: the host's for resolvers of the host's resolv.conf, the container's for `--dns`. */
export interface UpstreamTransport {
  /** A fresh socket on a port the kernel chose at random, or one that will be when it is connected. Closed by the caller. */
  openUdp(family: Family): UdpSocket;
  connectTcp(address: string, port: number): TcpSocket;
}

/** Milliseconds before a second upstream is asked too, while the first one's usual time is not known. */
const FIRST_HEDGE = 400;
/** Not less: a recursive server's cached answers are quick, its others are not, and asking twice as much helps nobody. */
const MIN_HEDGE = 200;
const MAX_HEDGE = 1500;
/** Failures in a row after which an upstream is left alone for a while. */
const DOWN_AFTER = 3;
const MAX_PAUSE = 30_000;
/** How long a server that does not keep letter case, or does not know EDNS, is asked the plain way. */
const PLAIN_FOR = 3_600_000;

export type UpstreamHealth = "good" | "unsure" | "down";

/**
 * One server, and what is remembered of it. Shared by all sandboxes that ask the same server from the same namespace, so one of them finding it dead
 * spares the others the wait. Times are milliseconds of `performance.now()`.
 */
export class Upstream {
  readonly address: string;
  readonly port: number;
  readonly transport: UpstreamTransport;
  /** Exponentially weighted round-trip time; -1 before the first answer. */
  roundTrip = -1;
  queries = 0;
  failures = 0;
  /** Questions in flight that were asked to see whether it is back. */
  probes = 0;
  #failuresInRow = 0;
  #pausedUntil = 0;
  #plainCaseUntil = 0;
  #noEdnsUntil = 0;

  constructor(address: string, transport: UpstreamTransport, port = 53) {
    this.address = address;
    this.port = port;
    this.transport = transport;
  }

  get family(): Family {
    return this.address.includes(":") ? 6 : 4;
  }

  health(now: number): UpstreamHealth {
    if (this.#failuresInRow === 0) return "good";
    return this.#failuresInRow >= DOWN_AFTER && now < this.#pausedUntil ? "down" : "unsure";
  }

  /** How long to wait for it before another is asked beside it. */
  hedge(): number {
    return this.roundTrip < 0 ? FIRST_HEDGE : Math.min(MAX_HEDGE, Math.max(MIN_HEDGE, this.roundTrip * 3));
  }

  answered(milliseconds: number): void {
    this.roundTrip = this.roundTrip < 0 ? milliseconds : this.roundTrip * 0.8 + milliseconds * 0.2;
    this.#failuresInRow = 0;
  }

  /** It did not answer in time, refused the connection, or another one was faster by more than its hedge. */
  failed(now: number): void {
    this.failures++;
    this.#failuresInRow++;
    if (this.#failuresInRow >= DOWN_AFTER)
      this.#pausedUntil = now + Math.min(MAX_PAUSE, 1000 * 2 ** Math.min(10, this.#failuresInRow - DOWN_AFTER));
  }

  keepsCase(now: number): boolean {
    return now >= this.#plainCaseUntil;
  }
  losesCase(now: number): void {
    this.#plainCaseUntil = now + PLAIN_FOR;
  }
  knowsEdns(now: number): boolean {
    return now >= this.#noEdnsUntil;
  }
  lacksEdns(now: number): void {
    this.#noEdnsUntil = now + PLAIN_FOR;
  }
}

/** The order to ask in: as configured, since people rely on the first of resolv.conf, but those that are down or being tried last. */
export function rank(upstreams: readonly Upstream[], now: number): Upstream[] {
  const isOut = (upstream: Upstream) => upstream.health(now) === "down" || (upstream.health(now) === "unsure" && upstream.probes > 0);
  return [...upstreams.filter((upstream) => !isOut(upstream)), ...upstreams.filter(isOut)];
}

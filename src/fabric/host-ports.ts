import { networkInterfaces } from "node:os";
import { type Family, familyOf, HOST } from "#base";
import {
  AF_INET,
  AF_INET6,
  attachFilter,
  BPF,
  Errno,
  IPPROTO_IPV6,
  IPPROTO_SCTP,
  IPV6_V6ONLY,
  inetAddress,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  Socket,
  SystemError,
} from "#kernel/ffi";
import { type ConntrackMatch, ConntrackSocket } from "#kernel/nftables";
import { portHolder } from "./port-holder.ts";
import { type RelayTarget, relayTcp, UdpRelays } from "./port-relay.ts";
import { type LateRival, PortWatch, type WatchedRange } from "./port-watch.ts";
import { isAny, rivalsOf } from "./socket-diag.ts";

type Protocol = "tcp" | "udp" | "sctp";

/** Ports taken from the host's other programs, until disposed of. */
export interface PortReservation extends Disposable {
  /** What reaches the host's own sockets all the same, as clients on ::1 do, is carried on to a container: its first port for our first, and so on. */
  relay(target: RelayTarget): void;
}

/** The longest range that is held by a socket a port. Longer ones are looked at when they are taken (docs/decisions/071-host-ports.md). */
const HELD_BY_SOCKETS = 64;

export interface PortReserverOptions {
  /** The kernel translates what comes in by IPv4; without a firewall of ours it does not, and all is relayed. True unless given. */
  readonly translated?: boolean;
  /** Told of programs that bind a port of a range that no socket holds. */
  onRival?(rival: LateRival): void;
}

/** Takes ports from the host's other programs: binds a socket to each. */
export class PortReserver {
  readonly #translated: boolean;
  readonly #watch: PortWatch;
  readonly #udpRelays = new UdpRelays();

  constructor({ translated = true, onRival = () => {} }: PortReserverOptions = {}) {
    this.#translated = translated;
    this.#watch = new PortWatch(onRival);
  }

  /** All of the range or none of it. @throws SystemError with code EADDRINUSE, EADDRNOTAVAIL, … */
  reserve(proto: Protocol, address: string, from: number, to: number): PortReservation {
    if (proto !== "sctp" && to - from >= HELD_BY_SOCKETS) return this.#reserveLong({ proto, address, from, to });
    const sockets: Socket[] = [];
    const relays: Disposable[] = [];
    const close = () => {
      for (const held of [...relays.splice(0), ...sockets.splice(0)]) held[Symbol.dispose]();
    };
    try {
      for (let port = from; port <= to; port++) sockets.push(hold(proto, address, port, this.#translated));
    } catch (error) {
      close();
      throw error;
    }
    const family = familyOf(address);
    const translated = this.#translated && family === 4;
    const udp = this.#udpRelays;
    return {
      relay(target) {
        // All of IPv4 is translated by the kernel, 127.0.0.1 too.
        if (translated || proto === "sctp") return;
        for (const [index, socket] of sockets.splice(0).entries()) {
          const to = { address: target.address, port: target.port + index };
          relays.push(proto === "tcp" ? relayTcp(socket.detach(), to) : udp.start(socket, family, to));
        }
      },
      [Symbol.dispose]: close,
    };
  }

  /** A range too long for sockets: no other program may have one of its ports now, and one that takes one later is told of. */
  #reserveLong(range: WatchedRange): PortReservation {
    const { proto, address, from, to } = range;
    // Says whether the host has the address at all.
    hold(proto, address, from, true).close();
    const [rival] = rivalsOf(proto, address, from, to);
    if (rival) throw new SystemError(`bind ${proto} ${address} port ${rival.port}`, Errno.EADDRINUSE);
    const watched = this.#watch.add(range);
    return { relay() {}, [Symbol.dispose]: () => watched[Symbol.dispose]() };
  }

  /** Who keeps a port from being reserved, `nginx (pid 812)`; undefined where nobody is seen. */
  holder(proto: Protocol, address: string, from: number, to: number): string | undefined {
    return proto === "sctp" ? undefined : portHolder(proto, address, from, to);
  }
}

/**
 * Holds a port so that nobody else can: TCP must listen for that, since a socket that does not lets another with SO_REUSEADDR in, and must have the
 * option itself, or the last client's TIME_WAIT would keep the port from us for a minute.
 */
function hold(proto: Protocol, address: string, port: number, translated: boolean): Socket {
  const family = familyOf(address);
  const type = (proto === "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK;
  const socket = Socket.create(family === 4 ? AF_INET : AF_INET6, type, proto === "sctp" ? IPPROTO_SCTP : 0);
  try {
    if (proto === "tcp") socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === 6) socket.setOption(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    // What is never relayed is never read: the kernel drops it before it is queued.
    if (family === 4 && translated) attachFilter(socket, [[BPF.ret, 0, 0, 0]]);
    socket.bind(inetAddress(address, port), `bind ${proto} ${address} port ${port}`);
    if (proto === "tcp") socket.listen(512);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** A published UDP port or range, and the container's address behind it. */
export interface UdpMapping {
  readonly address: string;
  readonly port: number;
  readonly portEnd: number;
  /** Empty where the container has none of that family. */
  readonly container: string;
}

/**
 * Makes UDP flows meet the mappings of now: their conntrack entries would go on leading to where they led before for as long as the client keeps
 * sending. TCP ends by itself. Flows that only happen to use the same port, a container's own to a server outside among them, stay.
 * @param gone mappings that are no more: flows that end at their container are forgotten
 * @param fresh mappings that are new: flows to those ports that still end at the host itself are
 */
export function forgetUdp(gone: readonly UdpMapping[], fresh: readonly UdpMapping[] = []): void {
  if (gone.length === 0 && fresh.length === 0) return;
  using conntrack = new ConntrackSocket(HOST);
  const matches: ConntrackMatch[] = gone
    .filter(({ container }) => container !== "")
    .map((mapping) => ({ ...matchOf(mapping), replySource: mapping.container }));
  for (const family of [4, 6] as const) matches.push(...flowsToHost(conntrack, family, fresh));
  if (matches.length > 0) conntrack.flush(matches);
}

const matchOf = ({ address, port, portEnd }: UdpMapping): ConntrackMatch => ({
  protocol: "udp",
  family: familyOf(address),
  originalPort: port === portEnd ? port : ([port, portEnd] as const),
  ...(isAny(address) ? {} : { originalDestination: address }),
});

/** Flows to new mappings' ports that nothing translated: whoever sent them asked the host, and must now get the container. */
function flowsToHost(conntrack: ConntrackSocket, family: Family, fresh: readonly UdpMapping[]): ConntrackMatch[] {
  const mine = fresh.filter(({ address }) => familyOf(address) === family);
  if (mine.length === 0) return [];
  const found = new Map<string, ConntrackMatch>();
  let local: ReadonlySet<string> | undefined;
  for (const { original, reply } of conntrack.list(family, "udp")) {
    if (reply.source !== original.destination) continue;
    const asked = mine.some(
      ({ address, port, portEnd }) =>
        original.destinationPort >= port && original.destinationPort <= portEnd && (isAny(address) || address === original.destination),
    );
    if (!asked) continue;
    local ??= new Set(Object.values(networkInterfaces()).flatMap((links) => links?.map(({ address }) => address) ?? []));
    if (!local.has(original.destination)) continue;
    const { destination, destinationPort } = original;
    found.set(`${destination} ${destinationPort}`, {
      ...{ protocol: "udp" as const, family, originalDestination: destination, originalPort: destinationPort, replySource: destination },
    });
  }
  return [...found.values()];
}

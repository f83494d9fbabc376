import { familyOf, HOST } from "#base";
import { bindOnly, type Socket } from "#kernel/ffi";
import { ConntrackSocket } from "#kernel/nftables";

/** Takes ports from the host's other programs by binding a socket to each, that is never read. */
export class PortReserver {
  /** All of the range or none of it. @throws SystemError with code EADDRINUSE, EADDRNOTAVAIL, … */
  reserve(proto: "tcp" | "udp" | "sctp", address: string, from: number, to: number): Disposable {
    const sockets: Socket[] = [];
    const close = () => {
      for (const socket of sockets) socket.close();
    };
    try {
      for (let port = from; port <= to; port++) sockets.push(bindOnly(proto, address, port));
    } catch (error) {
      close();
      throw error;
    }
    return { [Symbol.dispose]: close };
  }
}

/**
 * Forgets the UDP flows of published ports that are published no more, or anew: their conntrack entries would go on leading to the old container
 * for as long as the client keeps sending. TCP ends by itself.
 */
export function forgetUdp(entries: readonly { readonly address: string; readonly port: number; readonly portEnd: number }[]): void {
  if (entries.length === 0) return;
  using conntrack = new ConntrackSocket(HOST);
  conntrack.flush(
    entries.map(({ address, port, portEnd }) => ({
      protocol: "udp",
      family: familyOf(address),
      originalPort: port === portEnd ? port : ([port, portEnd] as const),
      ...(address === "0.0.0.0" || address === "::" ? {} : { originalDestination: address }),
    })),
  );
}

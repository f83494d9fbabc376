import { bindOnly, type Socket } from "#kernel/ffi";

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

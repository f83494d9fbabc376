import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, Socket as TcpSocket } from "node:net";
import type { Family } from "#base";
import { HOST } from "#base";
import { openTcp, openUdp, type Socket, tcpClient } from "#kernel/ffi";
import { enter } from "#kernel/netns";

/** Sockets for the embedded DNS, bound in a sandbox on ports the kernel chooses. The caller owns the descriptors. */
export function openDnsSockets(ns: string, address: string): { udpFd: number; udpPort: number; tcpFd: number; tcpPort: number } {
  return enter(ns, () => {
    const udp = openUdp({ address, port: 0 });
    try {
      const tcp = openTcp({ address, port: 0 });
      const [udpPort, tcpPort] = [portOf(udp), portOf(tcp)];
      return { udpFd: udp.detach(), udpPort, tcpFd: tcp.detach(), tcpPort };
    } catch (error) {
      udp.close();
      throw error;
    }
  });
}

function portOf(socket: Socket): number {
  const address = socket.localAddress;
  return "port" in address ? address.port : 0;
}

/** A UDP socket on a random port of a namespace. */
export function udpSocketIn(ns: string, family: Family): UdpSocket {
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  if (ns !== HOST) socket.bind({ fd: enter(ns, () => openUdp({ address: family === 4 ? "0.0.0.0" : "::", port: 0 })).detach() });
  return socket;
}

/** A TCP connection begun in a namespace. */
export function tcpSocketIn(ns: string, address: string, port: number): TcpSocket {
  if (ns === HOST) return connect(port, address);
  const fd = enter(ns, () => tcpClient(address)).detach();
  return new TcpSocket({ fd, readable: true, writable: true }).connect(port, address);
}

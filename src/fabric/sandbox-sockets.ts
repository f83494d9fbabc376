import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, Socket as TcpSocket } from "node:net";
import type { Family } from "#base";
import { HOST } from "#base";
import { Errno, isErrno, openTcp, openUdp, type Socket, tcpClient } from "#kernel/ffi";
import { enter } from "#kernel/netns";
import type { BatchedPort, BatchedPorts } from "./datagram-port.ts";

/** The two sockets of an embedded DNS server. The UDP one is a bare descriptor where nothing polls for us. */
export interface DnsSockets {
  readonly udp: number | BatchedPort;
  readonly udpPort: number;
  readonly tcp: number;
  readonly tcpPort: number;
}

/** How many ports are tried until one is free for both. */
const PORT_ATTEMPTS = 8;

/**
 * Makes a sandbox's sockets for the embedded DNS, on a port the kernel chooses: the same for both, which halves the rules that lead there, unless
 * the sandbox is full of servers. The caller owns them. @param ports undefined: node's dgram serves
 */
export function openDnsSockets(ns: string, address: string, ports?: BatchedPorts): DnsSockets {
  return enter(ns, () => {
    for (let attempt = 1; ; attempt++) {
      const udp = openUdp({ address, port: 0 });
      const udpPort = portOf(udp);
      try {
        const tcp = openTcp({ address, port: attempt < PORT_ATTEMPTS ? udpPort : 0 });
        const tcpPort = portOf(tcp);
        return { udp: ports ? ports.port(udp) : udp.detach(), udpPort, tcp: tcp.detach(), tcpPort };
      } catch (error) {
        udp.close();
        if (attempt === PORT_ATTEMPTS || !isErrno(error, Errno.EADDRINUSE)) throw error;
      }
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

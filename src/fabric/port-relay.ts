import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket as TcpSocket } from "node:net";
import { familyOf } from "#base";

/** Clients of one UDP port at a time, and how long one may be silent. */
const UDP_CLIENTS = 1024;
const UDP_IDLE = 90_000;
const TCP_CONNECTIONS = 4096;

/** Where a relayed port leads. */
export interface RelayTarget {
  readonly address: string;
  readonly port: number;
}

/** Takes the connections of a listening socket to a container. The descriptor belongs to the relay. */
export function relayTcp(fd: number, target: RelayTarget): Disposable {
  const open = new Set<TcpSocket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const inner = connect({
      host: target.address,
      port: target.port,
      family: familyOf(target.address),
      allowHalfOpen: true,
      noDelay: true,
    });
    for (const [one, other] of [
      [client, inner],
      [inner, client],
    ] as const) {
      open.add(one);
      // A container that refuses is told to the client by a reset, as it would be without us.
      one.on("error", () => (other === client ? other.resetAndDestroy() : other.destroy()));
      one.once("close", () => {
        open.delete(one);
        if (!one.readableEnded) other.destroy();
      });
      one.pipe(other);
    }
  });
  server.maxConnections = TCP_CONNECTIONS;
  server.on("error", () => {});
  server.listen({ fd, exclusive: true });
  server.unref();
  return {
    [Symbol.dispose]() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Takes the datagrams of a bound socket to a container, each client by a port of its own, and the answers back. */
export function relayUdp(fd: number, family: 4 | 6, target: RelayTarget): Disposable {
  const front = createSocket(family === 4 ? "udp4" : "udp6");
  const clients = new Map<string, { socket: UdpSocket; timer: NodeJS.Timeout }>();
  const forget = (key: string) => {
    const client = clients.get(key);
    if (!client) return;
    clients.delete(key);
    clearTimeout(client.timer);
    client.socket.close();
  };
  const clientOf = (from: RemoteInfo) => {
    const key = `${from.address} ${from.port}`;
    const known = clients.get(key);
    if (known) {
      known.timer.refresh();
      return known.socket;
    }
    if (clients.size >= UDP_CLIENTS) forget(clients.keys().next().value!);
    const socket = createSocket(familyOf(target.address) === 4 ? "udp4" : "udp6");
    const timer = setTimeout(() => forget(key), UDP_IDLE).unref();
    clients.set(key, { socket, timer });
    socket.on("error", () => forget(key));
    socket.on("message", (data) => {
      timer.refresh();
      front.send(data, from.port, from.address, () => {});
    });
    socket.connect(target.port, target.address);
    socket.unref();
    return socket;
  };
  front.on("error", () => {});
  front.on("message", (data, from) => {
    const socket = clientOf(from);
    try {
      socket.send(data, () => {});
    } catch {
      // Not connected yet: the very first datagram of a client waits for it.
      socket.once("connect", () => socket.send(data, () => {}));
    }
  });
  front.bind({ fd, exclusive: true });
  front.unref();
  return {
    [Symbol.dispose]() {
      for (const key of [...clients.keys()]) forget(key);
      front.close();
    },
  };
}

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket as TcpSocket } from "node:net";
import { type Family, familyOf } from "#base";
import { AddressedDatagrams, type DatagramPath, Poller, type Socket, SystemError } from "#kernel/ffi";

/** Clients of one UDP port at a time, and how long one may be silent. */
const UDP_CLIENTS = 1024;
const UDP_IDLE = 90_000;
/** Datagrams that one port passes on before others have their turn. */
const UDP_ROUND = 64;
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

/** What the kernel refuses, as an answer from an address that the host has lost or a firewall forbids, is a datagram lost, and no more. */
function unlessRefused(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/** What the relays of all UDP ports share. */
export class UdpRelays {
  readonly #poller = new Poller();
  readonly #datagrams = new AddressedDatagrams();

  /**
   * Takes the datagrams of a bound socket to a container, each client by a port of its own, and the answers back from the address that was asked.
   * The socket belongs to the relay.
   */
  start(front: Socket, family: Family, target: RelayTarget): Disposable {
    const datagrams = this.#datagrams;
    const clients = new Clients(target, (data, path) => datagrams.send(front, data, path));
    AddressedDatagrams.prepare(front, family);
    const pass = () => {
      for (let taken = 0; taken < UDP_ROUND; taken++) {
        const received = datagrams.receive(front, family);
        if (!received) return;
        clients.pass(received.data, received.path);
      }
    };
    const watch = this.#poller.add(front, () => unlessRefused(pass));
    return {
      [Symbol.dispose]() {
        watch[Symbol.dispose]();
        clients.close();
        front.close();
      },
    };
  }
}

/** The clients of one UDP port, each with a socket towards the container. */
class Clients {
  readonly #target: RelayTarget;
  readonly #answer: (data: Buffer, path: DatagramPath) => void;
  readonly #known = new Map<string, { readonly socket: UdpSocket; readonly timer: NodeJS.Timeout }>();

  constructor(target: RelayTarget, answer: (data: Buffer, path: DatagramPath) => void) {
    this.#target = target;
    this.#answer = answer;
  }

  pass(data: Buffer, path: DatagramPath): void {
    const socket = this.#socketOf(path);
    try {
      socket.send(data, () => {});
    } catch {
      // Not connected yet: the very first datagram of a client waits for it.
      socket.once("connect", () => socket.send(data, () => {}));
    }
  }

  #socketOf(path: DatagramPath): UdpSocket {
    // One client of two addresses of the host's is two.
    const key = Buffer.concat([path.peer, path.local]).toString("latin1");
    const known = this.#known.get(key);
    if (known) {
      known.timer.refresh();
      return known.socket;
    }
    if (this.#known.size >= UDP_CLIENTS) this.#forget(this.#known.keys().next().value!);
    const { address, port } = this.#target;
    const socket = createSocket(familyOf(address) === 4 ? "udp4" : "udp6");
    const timer = setTimeout(() => this.#forget(key), UDP_IDLE).unref();
    this.#known.set(key, { socket, timer });
    socket.on("error", () => this.#forget(key));
    socket.on("message", (data) => {
      timer.refresh();
      unlessRefused(() => this.#answer(data, path));
    });
    socket.connect(port, address);
    socket.unref();
    return socket;
  }

  #forget(key: string): void {
    const client = this.#known.get(key);
    if (!client) return;
    this.#known.delete(key);
    clearTimeout(client.timer);
    client.socket.close();
  }

  close(): void {
    for (const key of [...this.#known.keys()]) this.#forget(key);
  }
}

import { familyOf } from "#base";
import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  AF_UNIX,
  F_GETFL,
  F_SETFL,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  MSG_NOSIGNAL,
  O_NONBLOCK,
  SO_BINDTODEVICE,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "./constants.ts";
import { Errno } from "./errno.ts";
import { FileDescriptor } from "./file-descriptor.ts";
import { errno, libc, sendOnPool } from "./libc.ts";
import { decodeSocketAddress, inetAddress, packetAddress, type SocketAddress, unixAddress } from "./socket-address.ts";
import { attachFilter, type BpfInstruction } from "./socket-filter.ts";
import { check, SystemError } from "./system-error.ts";

/** A socket whose calls are synchronous. It belongs for ever to the network namespace the thread was in when it was opened. */
export class Socket extends FileDescriptor {
  /** Opens with SOCK_CLOEXEC; `type` may carry SOCK_NONBLOCK. @throws SystemError */
  static create(domain: number, type: number, protocol = 0): Socket {
    return new Socket(check(libc.socket(domain, type | SOCK_CLOEXEC, protocol), "socket"));
  }

  /** Two connected Unix sockets. @throws SystemError */
  static pair(type: number = SOCK_SEQPACKET): [Socket, Socket] {
    const pair = new Int32Array(2);
    check(libc.socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, new Uint8Array(pair.buffer)), "socketpair");
    return [new Socket(pair[0]!), new Socket(pair[1]!)];
  }

  bind(address: Uint8Array, what = "bind"): void {
    check(libc.bind(this.fd, address, address.length), what);
  }

  /** @throws SystemError; EINPROGRESS counts as success on a nonblocking socket */
  connect(address: Uint8Array, what = "connect"): void {
    if (libc.connect(this.fd, address, address.length) >= 0) return;
    const code = errno();
    if (code !== Errno.EINPROGRESS) throw new SystemError(what, code);
  }

  listen(backlog = 128): void {
    check(libc.listen(this.fd, backlog), "listen");
  }

  /** Sends one datagram, or as much of a stream as fits. Returns the bytes taken, or -1 when the socket would block. @throws SystemError */
  send(data: Uint8Array, flags = 0): number {
    return this.#transfer("send", () => libc.send(this.fd, data, data.length, flags | MSG_NOSIGNAL));
  }

  /**
   * Sends one datagram from a thread of the pool, for what the kernel takes long over within send(2), and closes the socket after that; what the
   * kernel answers may be received until then.
   */
  sendAndClose(data: Uint8Array, closed: () => void): void {
    sendOnPool(this.fd, data, MSG_NOSIGNAL, () => {
      this.close();
      closed();
    });
  }

  sendTo(data: Uint8Array, address: Uint8Array, flags = 0): number {
    return this.#transfer("sendto", () => libc.sendto(this.fd, data, data.length, flags | MSG_NOSIGNAL, address, address.length));
  }

  /** Bytes received into `into`, 0 at end of stream, -1 when nothing is there yet or the receive timeout passed. @throws SystemError */
  receive(into: Uint8Array, flags = 0): number {
    return this.#transfer("recv", () => libc.recv(this.fd, into, into.length, flags));
  }

  /** As `receive`, with the sender. */
  receiveFrom(into: Uint8Array, flags = 0): { length: number; from: SocketAddress } | undefined {
    const address = new Uint8Array(128);
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, address.length, true);
    const length = this.#transfer("recvfrom", () => libc.recvfrom(this.fd, into, into.length, flags, address, size));
    if (length < 0) return undefined;
    return { length, from: decodeSocketAddress(address.subarray(0, new DataView(size.buffer).getUint32(0, true))) };
  }

  #transfer(operation: string, call: () => number): number {
    for (;;) {
      const result = call();
      if (result >= 0) return result;
      const code = errno();
      if (code === Errno.EAGAIN) return -1;
      if (code !== Errno.EINTR) throw new SystemError(operation, code);
    }
  }

  /** Half-closes: 0 reading, 1 writing, 2 both. */
  shutdown(how: 0 | 1 | 2 = 1): void {
    check(libc.shutdown(this.fd, how), "shutdown");
  }

  /** A number is passed as a C int. @throws SystemError */
  setOption(level: number, name: number, value: number | Uint8Array): void {
    const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
    check(libc.setsockopt(this.fd, level, name, bytes, bytes.length), () => `setsockopt level ${level} option ${name}`);
  }

  /** A timeval option such as SO_RCVTIMEO, in milliseconds; 0 waits for ever. */
  setTimeout(name: number, milliseconds: number): void {
    const timeval = BigInt64Array.of(BigInt(Math.trunc(milliseconds / 1000)), BigInt(Math.round((milliseconds % 1000) * 1000)));
    this.setOption(SOL_SOCKET, name, new Uint8Array(timeval.buffer));
  }

  getOption(level: number, name: number): number {
    const value = new Int32Array(1);
    const size = Uint8Array.of(4, 0, 0, 0);
    check(libc.getsockopt(this.fd, level, name, new Uint8Array(value.buffer), size), () => `getsockopt level ${level} option ${name}`);
    return value[0]!;
  }

  /** The address this end is bound to. */
  get localAddress(): SocketAddress {
    const address = new Uint8Array(128);
    const size = Uint8Array.of(128, 0, 0, 0);
    check(libc.getsockname(this.fd, address, size), "getsockname");
    return decodeSocketAddress(address.subarray(0, size[0]!));
  }
}

/** Index of the interface of a name in the namespace the thread is in; 0 when there is none. Takes no lock: it never waits for a change under way. */
export const interfaceIndex = (name: string): number => libc.if_nametoindex(name);

/** Runs `prepare` on a new socket and closes the socket when that throws. */
function prepared(socket: Socket, prepare: (socket: Socket) => void): Socket {
  try {
    prepare(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

export interface InetSocketOptions {
  readonly address: string;
  /** 0 lets the kernel choose; read it back from `localAddress`. */
  readonly port: number;
  /** SO_BINDTODEVICE. */
  readonly device?: string;
  /** SO_REUSEADDR; on unless said otherwise for TCP, off for UDP, where it would let another take the port. */
  readonly reuseAddress?: boolean;
  /** listen(2) queue, TCP alone. */
  readonly backlog?: number;
}

function inetSocket(type: number, options: InetSocketOptions): Socket {
  const domain = familyOf(options.address) === 4 ? AF_INET : AF_INET6;
  return prepared(Socket.create(domain, type | SOCK_NONBLOCK), (socket) => {
    if (options.reuseAddress ?? type === SOCK_STREAM) socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1);
    if (domain === AF_INET6) socket.setOption(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (options.device) socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${options.device}\0`));
    socket.bind(
      inetAddress(options.address, options.port),
      `bind ${type === SOCK_STREAM ? "tcp" : "udp"} ${options.address} port ${options.port}`,
    );
  });
}

/** A bound, nonblocking UDP socket in the current namespace; `dgram.createSocket(…).bind({ fd: socket.detach() })` takes it over. @throws SystemError */
export const openUdp = (options: InetSocketOptions): Socket => inetSocket(SOCK_DGRAM, options);

/** A bound and listening TCP socket in the current namespace; `net.createServer().listen({ fd: socket.detach() })` takes it over. @throws SystemError */
export function openTcp(options: InetSocketOptions): Socket {
  return prepared(inetSocket(SOCK_STREAM, options), (socket) => socket.listen(options.backlog ?? 128));
}

/** A nonblocking TCP socket of the current namespace, for `new net.Socket({ fd })` to connect to an address of that family. @throws SystemError */
export const tcpClient = (address: string): Socket =>
  Socket.create(familyOf(address) === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK);

/** A nonblocking SOCK_SEQPACKET connection to a Unix socket, as conmon's attach socket is. @throws SystemError */
export function unixSeqpacket(path: string): Socket {
  return prepared(Socket.create(AF_UNIX, SOCK_SEQPACKET), (socket) => {
    socket.connect(unixAddress(path), `connect ${path}`);
    setNonblocking(socket);
  });
}

/** A nonblocking packet(7) socket for one ethertype on one link: `raw` frames carry their Ethernet header. @throws SystemError */
export function openPacket(
  index: number,
  ethertype: number,
  options: { readonly raw?: boolean; readonly filter?: readonly BpfInstruction[] } = {},
): Socket {
  // Protocol 0 until bind: nothing of another link, or that the filter drops, is queued in between.
  return prepared(Socket.create(AF_PACKET, (options.raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK, 0), (socket) => {
    if (options.filter) attachFilter(socket, options.filter);
    socket.bind(packetAddress(index, ethertype), `bind packet link ${index}`);
  });
}

function setNonblocking(descriptor: FileDescriptor): void {
  const flags = check(libc.fcntl(descriptor.fd, F_GETFL, 0), "fcntl F_GETFL");
  check(libc.fcntl(descriptor.fd, F_SETFL, flags | O_NONBLOCK), "fcntl F_SETFL");
}

import koffi from "koffi";
import type { Family } from "#base";
import { IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_RECVPKTINFO, MSG_DONTWAIT, MSG_NOSIGNAL } from "./constants.ts";
import { Errno } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import type { Socket } from "./socket.ts";
import { check, SystemError } from "./system-error.ts";

/** Where a datagram came from and to, as the kernel takes it back for an answer. */
export interface DatagramPath {
  /** The sender's sockaddr. */
  readonly peer: Buffer;
  /** A control message that says which address of ours it came to, and an answer is to come from; empty where that is none, as a multicast group. */
  readonly local: Buffer;
}

/** The longest there is. */
const LARGEST = 65535;
/*
 * struct mmsghdr as in `datagram-batch.ts`. Behind it, in one buffer:
 *  64 struct iovec: u64 base, u64 length
 *  80 sockaddr_in or sockaddr_in6, 28 bytes
 * 112 struct cmsghdr: u64 length, i32 level, i32 type; then
 * 128 struct in_pktinfo (linux/in.h):       i32 ifindex, 4 bytes spec_dst, 4 bytes addr
 *  or struct in6_pktinfo (linux/in6.h):     16 bytes addr, i32 ifindex
 */
const IOVEC = 64;
const NAME = 80;
const NAME_LENGTH = 28;
const CONTROL = 112;
const CONTROL_LENGTH = 64;
const PACKET_INFO = 16;
const INTERFACE = { 4: PACKET_INFO, 6: PACKET_INFO + 16 } as const;

/**
 * Datagrams one by one, each with the address of ours that it was sent to, of a socket that is bound to all of them: an answer by its path leaves from
 * that address, where sendto(2) takes the one that the route prefers. Serves any number of sockets; 65 KB.
 */
export class AddressedDatagrams {
  readonly #data = Buffer.from(new ArrayBuffer(LARGEST));
  readonly #header = Buffer.from(new ArrayBuffer(CONTROL + CONTROL_LENGTH));

  /** Makes the kernel tell where a socket's datagrams came to; once a socket. @throws SystemError */
  static prepare(socket: Socket, family: Family): void {
    if (family === 4) socket.setOption(IPPROTO_IP, IP_PKTINFO, 1);
    else socket.setOption(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }

  /** Takes one without waiting; undefined when there is none. @throws SystemError */
  receive(socket: Socket, family: Family): { readonly data: Buffer; readonly path: DatagramPath } | undefined {
    this.#point(this.#data, NAME_LENGTH, CONTROL_LENGTH);
    const header = this.#header;
    while (libc.recvmmsg(socket.fd, header, 1, MSG_DONTWAIT, null) < 0) {
      if (errno() === Errno.EAGAIN) return undefined;
      if (errno() !== Errno.EINTR) throw new SystemError("recvmmsg", errno());
    }
    const peer = Buffer.from(header.subarray(NAME, NAME + header.readUInt32LE(8)));
    const control = Buffer.from(header.subarray(CONTROL, CONTROL + Number(header.readBigUInt64LE(40))));
    const data = Buffer.from(this.#data.subarray(0, header.readUInt32LE(56)));
    return { data, path: { peer, local: localOf(control, family) } };
  }

  /** @throws SystemError; EAGAIN too, for a datagram is lost rather than waited with */
  send(socket: Socket, data: Buffer, { peer, local }: DatagramPath): void {
    this.#data.set(data);
    this.#header.set(peer, NAME);
    this.#header.set(local, CONTROL);
    this.#point(this.#data.subarray(0, data.length), peer.length, local.length);
    check(libc.sendmmsg(socket.fd, this.#header, 1, MSG_DONTWAIT | MSG_NOSIGNAL), "sendmmsg");
  }

  #point(data: Buffer, nameLength: number, controlLength: number): void {
    const header = this.#header;
    const start = BigInt(koffi.address(header));
    header.fill(0, 0, IOVEC);
    header.writeBigUInt64LE(start + BigInt(NAME), 0);
    header.writeUInt32LE(nameLength, 8);
    header.writeBigUInt64LE(start + BigInt(IOVEC), 16);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(start + BigInt(CONTROL), 32);
    header.writeBigUInt64LE(BigInt(controlLength), 40);
    header.writeBigUInt64LE(BigInt(koffi.address(this.#data)), IOVEC);
    header.writeBigUInt64LE(BigInt(data.length), IOVEC + 8);
  }
}

/** Of what the kernel told, what it is to be told: the address alone, since the way back is for the routes to say; of link-local ones the link too. */
function localOf(control: Buffer, family: Family): Buffer {
  if (control.length < INTERFACE[family] + 4) return Buffer.alloc(0);
  const [first, second] = control.subarray(PACKET_INFO);
  if (family === 6 && first === 0xff) return Buffer.alloc(0);
  const linkLocal = family === 6 && first === 0xfe && (second! & 0xc0) === 0x80;
  if (!linkLocal) control.writeInt32LE(0, INTERFACE[family]);
  return control;
}

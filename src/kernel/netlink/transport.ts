import {
  AF_NETLINK,
  MSG_DONTWAIT,
  MSG_TRUNC,
  netlinkAddress,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_SNDBUFFORCE,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
  Socket,
} from "#kernel/ffi";
import { enter, HOST_NAMESPACE, type NamespaceHandle } from "#kernel/netns";
import { NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NETLINK_NETFILTER } from "./constants.ts";

/** What a NetlinkSocket talks through: the kernel, or a fake one. */
export interface Transport extends Disposable {
  send(bytes: Uint8Array): void;
  /** The next datagram's length, written to `into`; larger than `into` when it was cut off; -1 when none is there. */
  receive(into: Uint8Array, wait: boolean): number;
}

export interface KernelTransportOptions {
  /** NETLINK_ROUTE, NETLINK_NETFILTER. */
  readonly protocol: number;
  /** `"host"`, a namespace file's path, or a handle. */
  readonly namespace?: string | NamespaceHandle;
  /** Multicast groups to join, by number (RTNLGRP_*). */
  readonly groups?: readonly number[];
  /** Kernel-side receive buffer in bytes, beyond rmem_max. */
  readonly receiveBuffer?: number;
}

/** Longest wait for an answer, in milliseconds. The kernel answers within send(2), so this only ends a wait that would never end. */
const ANSWER_TIMEOUT = 10_000;

/** An AF_NETLINK socket of one namespace. */
export class KernelTransport implements Transport {
  readonly socket: Socket;
  readonly #protocol: number;

  constructor(options: KernelTransportOptions) {
    this.#protocol = options.protocol;
    this.socket = enter(options.namespace ?? HOST_NAMESPACE, () => Socket.create(AF_NETLINK, SOCK_RAW, options.protocol));
    try {
      this.socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, options.receiveBuffer ?? 4 << 20);
      this.socket.setOption(SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20);
      this.socket.setTimeout(SO_RCVTIMEO, ANSWER_TIMEOUT);
      this.socket.setOption(SOL_NETLINK, NETLINK_EXT_ACK, 1);
      this.socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
      this.socket.setOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      this.socket.bind(netlinkAddress());
      for (const group of options.groups ?? []) this.socket.setOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  send(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  receive(into: Uint8Array, wait: boolean): number {
    return this.socket.receive(into, (wait ? 0 : MSG_DONTWAIT) | MSG_TRUNC);
  }

  [Symbol.dispose](): void {
    // nf_tables lets go of no netlink socket before what a transaction replaced is freed, and meanwhile takes no other: a grace period, 15 to 30 ms.
    if (this.#protocol === NETLINK_NETFILTER) this.socket.closeLater();
    else this.socket.close();
  }
}

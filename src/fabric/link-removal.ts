import { ALIAS_PREFIX, HOST } from "#base";
import { Errno, interfaceIndex, isErrno, MSG_DONTWAIT } from "#kernel/ffi";
import {
  decodeAck,
  decodeMessages,
  encodeMessages,
  KernelTransport,
  NETLINK_ROUTE,
  NetlinkError,
  type NetlinkRequest,
  NetlinkSocket,
  NLM_F_ACK,
  NLMSG_ERROR,
} from "#kernel/netlink";
import { enter } from "#kernel/netns";
import { encodeDeleteLink, encodeSetLink } from "#kernel/rtnetlink";

export interface RemovalOptions {
  /** Milliseconds that a link may take to go with the namespace of its other end; then somebody holds that, and the link is deleted. */
  readonly grace?: number;
  /** Removals the kernel is still busy with, at most: the thread pool has four threads, and others need it too. */
  readonly concurrent?: number;
}

/** Milliseconds between two looks. */
const INTERVAL = 0.1;
/** Milliseconds to wait for a pool that is busy with other things. */
const PATIENCE = 500;

const leavingName = (index: number) => `gone${index}`;

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Removes links without waiting for the grace period of the kernel that ends it: docs/decisions/053-links-are-removed-from-a-thread.md. */
export class LinkRemover {
  readonly #grace: number;
  readonly #concurrent: number;
  #busy = 0;
  /** Links that go with a namespace, by index. */
  readonly #leaving = new Map<number, NodeJS.Timeout>();

  constructor({ grace = 2000, concurrent = 3 }: RemovalOptions = {}) {
    this.#grace = grace;
    this.#concurrent = concurrent;
  }

  /** A link, once wanted, that is on its way out of the host's namespace. */
  isLeaving(index: number): boolean {
    return this.#leaving.has(index);
  }

  /**
   * `ip link delete` that returns as soon as the link is gone for everybody: its name is free, its addresses and routes are away. The kernel takes
   * 20 ms longer (40 for a bridge) until its last readers are through and it acknowledges, which a thread of the pool sits out. `orphan` says that the
   * namespace of a veth's other end has been given up: when the pool is busy, such a link is taken down, off its bridge and its name, and left to go
   * with that namespace.
   * @returns false when there is no such link. @throws NetlinkError when the kernel refuses
   */
  remove(name: string, namespace: string, orphan = false): boolean {
    return enter(namespace, () => {
      const index = interfaceIndex(name);
      if (index === 0) return false;
      const request = encodeDeleteLink({ index });
      if (this.#busy < this.#concurrent && this.#removeOnPool(request, name, namespace)) return true;
      using socket = NetlinkSocket.open({ protocol: NETLINK_ROUTE, namespace });
      if (orphan && namespace === HOST && this.#letGo(socket, name, index)) return true;
      try {
        socket.request(request);
      } catch (error) {
        if (!isErrno(error, Errno.ENODEV)) throw error;
      }
      return true;
    });
  }

  /** @returns false when the pool did not come to it in time, or takes no more. @throws NetlinkError when the kernel refuses */
  #removeOnPool(request: NetlinkRequest, name: string, namespace: string): boolean {
    const { socket } = new KernelTransport({ protocol: NETLINK_ROUTE, namespace });
    const answer = new Uint8Array(8 << 10);
    const message = encodeMessages([request], 1, NLM_F_ACK);
    try {
      socket.sendAndClose(message, () => this.#busy--);
    } catch {
      // koffi has 256 calls under way, its most.
      socket.close();
      return false;
    }
    this.#busy++;
    for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; Atomics.wait(nothing, 0, 0, INTERVAL)) {
      const length = socket.receive(answer, MSG_DONTWAIT);
      if (length >= 0) throwRefusal(answer.slice(0, length), request.operation);
      if (length >= 0 || interfaceIndex(name) === 0) return true;
    }
    // The index may be another link's by the time the pool comes to it, as a container's eth0 always has the same: what is sent then says nothing.
    message.fill(0);
    return false;
  }

  #letGo(socket: NetlinkSocket, name: string, index: number): boolean {
    const results = socket.batch([
      encodeSetLink({ index, up: false, master: 0 }),
      encodeSetLink({ index, name: leavingName(index), alias: `${ALIAS_PREFIX}leaving:${name}` }),
    ]);
    if (results.some((error) => error && !isErrno(error, Errno.ENODEV))) return false;
    const timer = setTimeout(() => this.#finish(index), this.#grace);
    this.#leaving.set(index, timer.unref());
    return true;
  }

  #finish(index: number): void {
    clearTimeout(this.#leaving.get(index));
    this.#leaving.delete(index);
    try {
      this.remove(leavingName(index), HOST);
    } catch {
      // A stray from now on, and the next repair's.
    }
  }

  /** Deletes what is still waiting for its namespace to go: nobody will come back to it. */
  close(): void {
    for (const index of [...this.#leaving.keys()]) this.#finish(index);
  }
}

function throwRefusal(datagram: Uint8Array, operation: string): void {
  for (const message of decodeMessages(datagram)) {
    if (message.type !== NLMSG_ERROR) continue;
    const { errno, extendedAck } = decodeAck(message);
    // Gone with its other end meanwhile.
    if (errno !== 0 && errno !== Errno.ENODEV) throw new NetlinkError(operation, errno, extendedAck);
  }
}

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
import { encodeDeleteLink } from "#kernel/rtnetlink";

/** Removals the kernel is still busy with, at most: the thread pool has four threads, and others need it too. */
const CONCURRENT = 3;
/** Milliseconds between two looks. */
const INTERVAL = 0.1;
/** Milliseconds to wait for a pool that is busy with other things. */
const PATIENCE = 500;

// Threads of the pool in use are a matter of the process.
const busy = { count: 0 };
const nothing = new Int32Array(new SharedArrayBuffer(4));

/**
 * `ip link delete` that returns as soon as the link is gone for everybody: its name is free, its addresses and routes are away. The kernel takes 20 ms
 * longer (40 for a bridge) until its last readers are through and it acknowledges, which a thread of the pool sits out.
 * @returns false when there is no such link. @throws NetlinkError when the kernel refuses
 */
export function removeLink(name: string, namespace: string): boolean {
  return enter(namespace, () => {
    const index = interfaceIndex(name);
    if (index === 0) return false;
    // By index: the name may be another link's by the time a busy pool comes to it.
    const request = encodeDeleteLink({ index });
    if (busy.count < CONCURRENT && removeOnPool(request, name, namespace)) return true;
    try {
      using socket = NetlinkSocket.open({ protocol: NETLINK_ROUTE, namespace });
      socket.request(request);
    } catch (error) {
      if (!isErrno(error, Errno.ENODEV)) throw error;
    }
    return true;
  });
}

/** @returns false when the pool did not come to it in time. @throws NetlinkError when the kernel refuses */
function removeOnPool(request: NetlinkRequest, name: string, namespace: string): boolean {
  const { socket } = new KernelTransport({ protocol: NETLINK_ROUTE, namespace });
  const answer = new Uint8Array(8 << 10);
  busy.count++;
  socket.sendAndClose(encodeMessages([request], 1, NLM_F_ACK), () => busy.count--);
  for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; Atomics.wait(nothing, 0, 0, INTERVAL)) {
    const length = socket.receive(answer, MSG_DONTWAIT);
    if (length >= 0) throwRefusal(answer.slice(0, length), request.operation);
    if (length >= 0 || interfaceIndex(name) === 0) return true;
  }
  return false;
}

function throwRefusal(datagram: Uint8Array, operation: string): void {
  for (const message of decodeMessages(datagram)) {
    if (message.type !== NLMSG_ERROR) continue;
    const { errno, extendedAck } = decodeAck(message);
    if (errno !== 0) throw new NetlinkError(operation, errno, extendedAck);
  }
}

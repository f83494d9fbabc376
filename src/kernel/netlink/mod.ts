/**
 * `kernel/netlink`: messages, attributes and sockets of any netlink family, synchronous.
 *
 *     using socket = NetlinkSocket.open({ protocol: NETLINK_ROUTE, namespace: "/run/netns/blue" });
 *     const links = socket.dump(buildRequest("RTM_GETLINK", 18, 0, (writer) => writer.raw(new Uint8Array(16))));
 */
export { Errno, isErrno, type Poller } from "#kernel/ffi";
export type { NamespaceHandle } from "#kernel/netns";
export * from "./attribute-reader.ts";
export * from "./attribute-writer.ts";
export * from "./constants.ts";
export * from "./fake-kernel.ts";
export * from "./message.ts";
export * from "./netlink-error.ts";
export * from "./netlink-monitor.ts";
export * from "./netlink-socket.ts";
export * from "./transport.ts";

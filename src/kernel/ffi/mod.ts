/** `kernel/ffi`: the only room that calls the C library. Synchronous, lazily bound; failures are `SystemError`s. */
export * from "./addressed-datagrams.ts";
export * from "./constants.ts";
export * from "./datagram-batch.ts";
export * from "./errno.ts";
export * from "./file-descriptor.ts";
export * from "./mount.ts";
export * from "./namespaces.ts";
export * from "./poller.ts";
export * from "./shared-library.ts";
export * from "./socket.ts";
export * from "./socket-address.ts";
export * from "./socket-filter.ts";
export * from "./system-error.ts";

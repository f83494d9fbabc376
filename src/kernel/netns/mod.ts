/** `kernel/netns`: the only room that changes the thread's network namespace. Everything is synchronous and comes back. */
export * from "./isolate.ts";
export { enter, HOST_NAMESPACE, NamespaceHandle, namespaceInode, newNamespace } from "./namespace.ts";
export * from "./persist.ts";

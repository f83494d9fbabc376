/** `kernel/netns`: the only room that changes the thread's network namespace. Everything is synchronous and comes back. */
export * from "./isolate.ts";
export { enter, enterNew, HOST_NAMESPACE, NamespaceHandle, namespaceInode } from "./namespace.ts";
export * from "./persist.ts";

/** `tar`: reading and writing tar streams; nothing here touches a disk. */
export * from "./header.ts";
export * from "./pax.ts";
export * from "./reader.ts";

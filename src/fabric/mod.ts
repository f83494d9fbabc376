export * from "./diff.ts";
export * from "./executor.ts";
export * from "./fabric.ts";
export * from "./key.ts";
export * from "./memory-executor.ts";
export * from "./sets.ts";
export * from "./types.ts";

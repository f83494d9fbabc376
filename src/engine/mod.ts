export { LocalEngine } from "./engine.ts";
export * from "./open.ts";
export * from "./options.ts";
export * from "./types.ts";

/** `base`: the values every other room speaks in: errors, addresses, MACs, ids and the log. */
export * from "./errors.ts";
export * from "./ids.ts";
export * from "./ip.ts";
export * from "./log.ts";
export * from "./mac.ts";
export * from "./ours.ts";
export * from "./time.ts";

export * from "./bridge/mod.ts";
export * from "./driver.ts";
export { parseBool } from "./go-values.ts";
export { hostDriver } from "./host/mod.ts";
export { noneDriver } from "./none/mod.ts";
export { IFNAME_OPTION, parseEndpointSysctls } from "./sandbox-interface.ts";

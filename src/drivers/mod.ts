export * from "./bridge/mod.ts";
export * from "./driver.ts";
export { parseBool } from "./go-values.ts";
export { hostDriver } from "./host/mod.ts";
export { ipvlanDriver } from "./ipvlan/mod.ts";
export {
  type AddressProbe,
  HOST_ACCESS_ADDRESS,
  isLanDriver,
  LAN_KEY,
  type LanOptions,
  parseLanOptions,
  sharesParentMac,
} from "./lan/options.ts";
export { macvlanDriver } from "./macvlan/mod.ts";
export { noneDriver } from "./none/mod.ts";
export { IFNAME_OPTION, interfaceNameFault, parseEndpointSysctls } from "./sandbox-interface.ts";

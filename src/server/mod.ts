/** `server`: the Engine API over HTTP: handlers, errors to statuses, streams, upgrades and events. */

export {
  type ContainersConfig,
  type DaemonConfig,
  DEFAULT_HOST,
  type DefaultBridgeConfig,
  type NetworkConfig,
  type RegistryConfig,
} from "./flags/config.ts";
export { describeOptions, type OptionDescription } from "./flags/describe.ts";
export type { AddressPool, RuntimeEntry, UlimitEntry } from "./flags/kinds.ts";
export { type FlagResult, parseDaemonFlags, type ReadFile, type Reload, reloadDaemonFlags } from "./flags.ts";
export { createServer } from "./server.ts";
export type {
  CommitOptions,
  ContainerExtras,
  DaemonInfo,
  Extension,
  ExtensionCall,
  ImageExtras,
  Server,
  ServerDependencies,
  StreamReply,
  VolumeDoor,
  VolumeFacts,
} from "./types.ts";

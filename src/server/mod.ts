/** `server`: the Engine API over HTTP: handlers, errors to statuses, streams, upgrades and events. */
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
  Volumes,
} from "./types.ts";

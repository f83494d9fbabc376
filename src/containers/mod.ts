/** `containers`: lifecycle, stdio, logs, exec and restart policy of containers, on conmon and an OCI runtime. */
export type { ContainerDefaults } from "./context.ts";
export { type ContainersOptions, openContainers } from "./open.ts";
export type { ContainerService } from "./service.ts";
export * from "./types.ts";
export type { Volumes, VolumeView } from "./volumes.ts";

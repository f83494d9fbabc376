/** `api`: one table of the Engine API's endpoints, and the typed client made from it. */
export * from "./client.ts";
export * from "./endpoint.ts";
export type { networkConnectBody, networkCreateBody, networkDisconnectBody } from "./endpoints/networks.ts";
export * from "./fairway-client.ts";
export type { Filters } from "./query.ts";
export * from "./router.ts";
export { decodeJson, type Infer, type Schema } from "./schema.ts";
export * from "./stdcopy.ts";
export * from "./table.ts";
export type * from "./types/fairway.ts";
export type * from "./types/network.ts";
export type * from "./types/system.ts";
export type * from "./types/volume.ts";
export * from "./version.ts";

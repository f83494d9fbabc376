import { containerEndpoints, execEndpoints } from "./endpoints/containers.ts";
import { imageEndpoints } from "./endpoints/images.ts";
import { networkEndpoints } from "./endpoints/networks.ts";
import { buildEndpoints, pluginEndpoints, swarmEndpoints } from "./endpoints/swarm.ts";
import { systemEndpoints } from "./endpoints/system.ts";
import { volumeEndpoints } from "./endpoints/volumes.ts";

/** Every endpoint of the Engine API that Fairway answers: server, client and conformance test are made from it. */
export const endpoints = {
  ...systemEndpoints,
  ...networkEndpoints,
  ...containerEndpoints,
  ...execEndpoints,
  ...imageEndpoints,
  ...volumeEndpoints,
  ...swarmEndpoints,
  ...pluginEndpoints,
  ...buildEndpoints,
};

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;

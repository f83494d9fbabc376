import { FairwayError, notFound, notImplemented } from "#base";
import type { Handlers } from "../handlers.ts";

const unavailable = (message: string) => new FairwayError("unavailable", message, { code: "no-swarm" });

const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const noManager = async (): Promise<never> => {
  throw unavailable(NO_MANAGER);
};
const noSwarmHere = async (): Promise<never> => {
  throw unavailable("This daemon has no swarm mode: networks that span hosts need no orchestrator here.");
};
const notPart = async (): Promise<never> => {
  throw unavailable("This node is not part of a swarm");
};
const noPlugin = async ({ params }: { params: Readonly<Record<string, string>> }): Promise<never> => {
  throw notFound(`plugin ${JSON.stringify(params.name)} not found`, { code: "no-such-plugin" });
};

const noPlugins = async (): Promise<never> => {
  throw notImplemented("managed plugins are not supported: drivers plug in through Docker's remote driver protocol", {
    code: "no-plugins",
  });
};
const noBuilder = async (): Promise<never> => {
  throw notImplemented("docker build is not supported: build the image with another tool and docker load it", { code: "no-builder" });
};

/** Swarm, managed plugins and image building: there are none, in the words Docker has for that. */
export function swarmHandlers() {
  return {
    swarmInspect: noManager,
    swarmInit: noSwarmHere,
    swarmJoin: noSwarmHere,
    swarmLeave: notPart,
    swarmUpdate: noManager,
    swarmUnlockKey: noManager,
    swarmUnlock: notPart,
    nodeList: noManager,
    nodeInspect: noManager,
    nodeDelete: noManager,
    nodeUpdate: noManager,
    serviceList: noManager,
    serviceCreate: noManager,
    serviceInspect: noManager,
    serviceDelete: noManager,
    serviceUpdate: noManager,
    serviceLogs: noManager,
    taskList: noManager,
    taskInspect: noManager,
    taskLogs: noManager,
    secretList: noManager,
    secretCreate: noManager,
    secretInspect: noManager,
    secretDelete: noManager,
    secretUpdate: noManager,
    configList: noManager,
    configCreate: noManager,
    configInspect: noManager,
    configDelete: noManager,
    configUpdate: noManager,
    volumeUpdate: noManager,
    pluginList: async () => [],
    pluginInspect: noPlugin,
    pluginDelete: noPlugin,
    pluginEnable: noPlugin,
    pluginDisable: noPlugin,
    pluginUpgrade: noPlugin,
    pluginPrivileges: noPlugins,
    pluginPull: noPlugins,
    pluginCreate: noPlugins,
    imageBuild: noBuilder,
    session: noBuilder,
    pluginPush: noPlugin,
    pluginSet: noPlugin,
  } satisfies Partial<Handlers>;
}

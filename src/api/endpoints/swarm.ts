import { type AnyEndpoint, endpoint, type Method, replyEmpty, replyJson, streamBody } from "../endpoint.ts";
import * as query from "../query.ts";
import type { OpenJson } from "../types/system.ts";

/**
 * What Docker's swarm and plugin endpoints answer on a node that is in no swarm and has no managed plugins: Fairway has neither, and says so in the
 * words the docker CLI's users know. Their bodies are not looked at.
 */
const refusing = (route: `${Method} /${string}`, doc: string) => endpoint(route, doc, { body: streamBody, reply: replyEmpty(200) });

export const swarmEndpoints = {
  swarmInspect: refusing("GET /swarm", "SwarmInspect"),
  swarmInit: refusing("POST /swarm/init", "SwarmInit"),
  swarmJoin: refusing("POST /swarm/join", "SwarmJoin"),
  swarmLeave: refusing("POST /swarm/leave", "SwarmLeave"),
  swarmUpdate: refusing("POST /swarm/update", "SwarmUpdate"),
  swarmUnlockKey: refusing("GET /swarm/unlockkey", "SwarmUnlockkey"),
  swarmUnlock: refusing("POST /swarm/unlock", "SwarmUnlock"),
  nodeList: refusing("GET /nodes", "NodeList"),
  nodeInspect: refusing("GET /nodes/{id}", "NodeInspect"),
  nodeDelete: refusing("DELETE /nodes/{id}", "NodeDelete"),
  nodeUpdate: refusing("POST /nodes/{id}/update", "NodeUpdate"),
  serviceList: refusing("GET /services", "ServiceList"),
  serviceCreate: refusing("POST /services/create", "ServiceCreate"),
  serviceInspect: refusing("GET /services/{id}", "ServiceInspect"),
  serviceDelete: refusing("DELETE /services/{id}", "ServiceDelete"),
  serviceUpdate: refusing("POST /services/{id}/update", "ServiceUpdate"),
  serviceLogs: refusing("GET /services/{id}/logs", "ServiceLogs"),
  taskList: refusing("GET /tasks", "TaskList"),
  taskInspect: refusing("GET /tasks/{id}", "TaskInspect"),
  taskLogs: refusing("GET /tasks/{id}/logs", "TaskLogs"),
  secretList: refusing("GET /secrets", "SecretList"),
  secretCreate: refusing("POST /secrets/create", "SecretCreate"),
  secretInspect: refusing("GET /secrets/{id}", "SecretInspect"),
  secretDelete: refusing("DELETE /secrets/{id}", "SecretDelete"),
  secretUpdate: refusing("POST /secrets/{id}/update", "SecretUpdate"),
  configList: refusing("GET /configs", "ConfigList"),
  configCreate: refusing("POST /configs/create", "ConfigCreate"),
  configInspect: refusing("GET /configs/{id}", "ConfigInspect"),
  configDelete: refusing("DELETE /configs/{id}", "ConfigDelete"),
  configUpdate: refusing("POST /configs/{id}/update", "ConfigUpdate"),
  volumeUpdate: refusing("PUT /volumes/{name}", "VolumeUpdate"),
} satisfies Record<string, AnyEndpoint>;

export const pluginEndpoints = {
  pluginList: endpoint("GET /plugins", "PluginList", { query: { filters: query.filters }, reply: replyJson<readonly OpenJson[]>() }),
  pluginInspect: refusing("GET /plugins/{name}/json", "PluginInspect"),
  pluginDelete: refusing("DELETE /plugins/{name}", "PluginDelete"),
  pluginEnable: refusing("POST /plugins/{name}/enable", "PluginEnable"),
  pluginDisable: refusing("POST /plugins/{name}/disable", "PluginDisable"),
  pluginUpgrade: refusing("POST /plugins/{name}/upgrade", "PluginUpgrade"),
  pluginPrivileges: refusing("GET /plugins/privileges", "GetPluginPrivileges"),
  pluginPull: refusing("POST /plugins/pull", "PluginPull"),
  pluginCreate: refusing("POST /plugins/create", "PluginCreate"),
  pluginPush: refusing("POST /plugins/{name}/push", "PluginPush"),
  pluginSet: refusing("POST /plugins/{name}/set", "PluginSet"),
} satisfies Record<string, AnyEndpoint>;

/** Image building, which is left to other tools. */
export const buildEndpoints = {
  imageBuild: refusing("POST /build", "ImageBuild"),
  session: refusing("POST /session", "Session"),
} satisfies Record<string, AnyEndpoint>;

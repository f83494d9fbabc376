import { endpoint, jsonBody, replyEmpty, replyJson, replyStream } from "../endpoint.ts";
import * as query from "../query.ts";
import * as schema from "../schema.ts";
import type { EventJson, OpenJson, VersionJson } from "../types/system.ts";

export const authConfig = schema.struct("AuthConfig", {
  username: schema.string,
  password: schema.string,
  auth: schema.string,
  email: schema.string,
  serveraddress: schema.string,
  identitytoken: schema.string,
  registrytoken: schema.string,
});

export const systemEndpoints = {
  ping: endpoint("GET /_ping", "SystemPing", { reply: replyStream() }),
  pingHead: endpoint("HEAD /_ping", "SystemPingHead", { reply: replyStream() }),
  version: endpoint("GET /version", "SystemVersion", { reply: replyJson<VersionJson>() }),
  info: endpoint("GET /info", "SystemInfo", { reply: replyJson<OpenJson>() }),
  events: endpoint("GET /events", "SystemEvents", {
    query: { since: query.timestamp, until: query.timestamp, filters: query.filters },
    reply: replyStream<EventJson>(),
  }),
  auth: endpoint("POST /auth", "SystemAuth", { body: jsonBody(authConfig), reply: replyJson<{ Status: string; IdentityToken: string }>() }),
  systemDf: endpoint("GET /system/df", "SystemDataUsage", { query: { type: query.strings }, reply: replyJson<OpenJson>() }),
  buildPrune: endpoint("POST /build/prune", "BuildPrune", {
    since: "1.31",
    query: { all: query.bool, filters: query.filters },
    reply: replyJson<{ CachesDeleted: readonly string[] | null; SpaceReclaimed: number }>(),
  }),
  buildCancel: endpoint("POST /build/cancel", "", { query: { id: query.string }, reply: replyEmpty(204) }),
};

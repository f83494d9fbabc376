import { endpoint, optionalJsonBody, replyEmpty, replyJson } from "../endpoint.ts";
import * as query from "../query.ts";
import * as schema from "../schema.ts";
import type { VolumeJson } from "../types/volume.ts";

export const volumeCreateBody = schema.struct(
  "volume.CreateOptions",
  { Name: schema.string, Driver: schema.string, DriverOpts: schema.map(schema.string), Labels: schema.map(schema.string) },
  { open: true },
);

export const volumeEndpoints = {
  volumeList: endpoint("GET /volumes", "VolumeList", {
    query: { filters: query.filters },
    reply: replyJson<{ Volumes: readonly VolumeJson[]; Warnings: readonly string[] | null }>(),
  }),
  volumeCreate: endpoint("POST /volumes/create", "VolumeCreate", {
    body: optionalJsonBody(volumeCreateBody),
    reply: replyJson<VolumeJson>(201),
  }),
  volumeInspect: endpoint("GET /volumes/{name}", "VolumeInspect", { reply: replyJson<VolumeJson>() }),
  volumeDelete: endpoint("DELETE /volumes/{name}", "VolumeDelete", { query: { force: query.bool }, reply: replyEmpty(204) }),
  volumePrune: endpoint("POST /volumes/prune", "VolumePrune", {
    since: "1.25",
    query: { filters: query.filters },
    reply: replyJson<{ VolumesDeleted: readonly string[]; SpaceReclaimed: number }>(),
  }),
};

import { endpoint, replyEmpty, replyJson, replyStream, streamBody } from "../endpoint.ts";
import * as query from "../query.ts";
import type { OpenJson, ProgressJson } from "../types/system.ts";

type Removed = { Untagged: string } | { Deleted: string };

export const imageEndpoints = {
  imageList: endpoint("GET /images/json", "ImageList", {
    query: { all: query.bool, filters: query.filters, digests: query.bool, "shared-size": query.bool, manifests: query.bool },
    reply: replyJson<readonly OpenJson[]>(),
  }),
  imageCreate: endpoint("POST /images/create", "ImageCreate", {
    query: {
      fromImage: query.string,
      fromSrc: query.string,
      repo: query.string,
      tag: query.string,
      message: query.string,
      changes: query.strings,
      platform: query.string,
    },
    body: streamBody,
    reply: replyStream<ProgressJson>(),
  }),
  imageInspect: endpoint("GET /images/{name}/json", "ImageInspect", {
    query: { manifests: query.bool, platform: query.string },
    reply: replyJson<OpenJson>(),
  }),
  imageHistory: endpoint("GET /images/{name}/history", "ImageHistory", {
    query: { platform: query.string },
    reply: replyJson<readonly object[]>(),
  }),
  imagePush: endpoint("POST /images/{name}/push", "ImagePush", {
    query: { tag: query.string, platform: query.string },
    body: streamBody,
    reply: replyStream<ProgressJson>(),
  }),
  imageTag: endpoint("POST /images/{name}/tag", "ImageTag", {
    query: { repo: query.string, tag: query.string },
    reply: replyEmpty(201),
  }),
  imageDelete: endpoint("DELETE /images/{name}", "ImageDelete", {
    query: { force: query.bool, noprune: query.bool, platforms: query.strings },
    reply: replyJson<readonly Removed[]>(),
  }),
  imageSearch: endpoint("GET /images/search", "ImageSearch", {
    query: { term: query.string, limit: query.int, filters: query.filters },
    reply: replyJson<readonly OpenJson[]>(),
  }),
  imagePrune: endpoint("POST /images/prune", "ImagePrune", {
    since: "1.25",
    query: { filters: query.filters },
    reply: replyJson<{ ImagesDeleted: readonly Removed[] | null; SpaceReclaimed: number }>(),
  }),
  imageGet: endpoint("GET /images/{name}/get", "ImageGet", { query: { platform: query.strings }, reply: replyStream() }),
  imageGetAll: endpoint("GET /images/get", "ImageGetAll", {
    query: { names: query.strings, platform: query.strings },
    reply: replyStream(),
  }),
  imageLoad: endpoint("POST /images/load", "ImageLoad", {
    query: { quiet: query.boolDefaultTrue, platform: query.strings },
    body: streamBody,
    reply: replyStream<ProgressJson>(),
  }),
  distributionInspect: endpoint("GET /distribution/{name}/json", "DistributionInspect", { since: "1.30", reply: replyJson<OpenJson>() }),
};

import { endpoint, jsonBody, optionalJsonBody, replyEmpty, replyHijack, replyJson, replyStream, streamBody } from "../endpoint.ts";
import * as query from "../query.ts";
import type { OpenJson } from "../types/system.ts";
import { commitBody, containerCreateBody, containerUpdateBody, execCreateBody, execStartBody } from "./container-config.ts";

const stdio = {
  detachKeys: query.string,
  logs: query.bool,
  stream: query.bool,
  stdin: query.bool,
  stdout: query.bool,
  stderr: query.bool,
};
const stopping = { signal: query.string, t: query.int };
const size = { h: query.string, w: query.string };

export const containerEndpoints = {
  containerList: endpoint("GET /containers/json", "ContainerList", {
    query: { all: query.bool, limit: query.int, size: query.bool, filters: query.filters },
    reply: replyJson<readonly OpenJson[]>(),
  }),
  containerCreate: endpoint("POST /containers/create", "ContainerCreate", {
    query: { name: query.string, platform: query.string },
    body: jsonBody(containerCreateBody),
    reply: replyJson<{ Id: string; Warnings: readonly string[] }>(201),
  }),
  containerInspect: endpoint("GET /containers/{id}/json", "ContainerInspect", {
    query: { size: query.bool },
    reply: replyJson<OpenJson>(),
  }),
  containerTop: endpoint("GET /containers/{id}/top", "ContainerTop", {
    query: { ps_args: query.string },
    reply: replyJson<{ Titles: readonly string[]; Processes: readonly (readonly string[])[] }>(),
  }),
  containerLogs: endpoint("GET /containers/{id}/logs", "ContainerLogs", {
    query: {
      follow: query.bool,
      stdout: query.bool,
      stderr: query.bool,
      since: query.string,
      until: query.string,
      timestamps: query.bool,
      details: query.bool,
      tail: query.string,
    },
    reply: replyStream(),
  }),
  containerChanges: endpoint("GET /containers/{id}/changes", "ContainerChanges", { reply: replyJson<readonly OpenJson[] | null>() }),
  containerExport: endpoint("GET /containers/{id}/export", "ContainerExport", { reply: replyStream() }),
  containerStats: endpoint("GET /containers/{id}/stats", "ContainerStats", {
    query: { stream: query.boolDefaultTrue, "one-shot": query.bool },
    reply: replyStream<OpenJson>(),
  }),
  containerResize: endpoint("POST /containers/{id}/resize", "ContainerResize", { query: size, reply: replyEmpty(200) }),
  containerStart: endpoint("POST /containers/{id}/start", "ContainerStart", {
    query: { detachKeys: query.string, checkpoint: query.string, "checkpoint-dir": query.string },
    reply: replyEmpty(204),
  }),
  containerStop: endpoint("POST /containers/{id}/stop", "ContainerStop", { query: stopping, reply: replyEmpty(204) }),
  containerRestart: endpoint("POST /containers/{id}/restart", "ContainerRestart", { query: stopping, reply: replyEmpty(204) }),
  containerKill: endpoint("POST /containers/{id}/kill", "ContainerKill", { query: { signal: query.string }, reply: replyEmpty(204) }),
  containerUpdate: endpoint("POST /containers/{id}/update", "ContainerUpdate", {
    body: jsonBody(containerUpdateBody),
    reply: replyJson<{ Warnings: readonly string[] | null }>(),
  }),
  containerRename: endpoint("POST /containers/{id}/rename", "ContainerRename", { query: { name: query.string }, reply: replyEmpty(204) }),
  containerPause: endpoint("POST /containers/{id}/pause", "ContainerPause", { reply: replyEmpty(204) }),
  containerUnpause: endpoint("POST /containers/{id}/unpause", "ContainerUnpause", { reply: replyEmpty(204) }),
  containerAttach: endpoint("POST /containers/{id}/attach", "ContainerAttach", { query: stdio, reply: replyHijack }),
  containerWait: endpoint("POST /containers/{id}/wait", "ContainerWait", {
    query: { condition: query.string },
    reply: replyStream<{ StatusCode: number; Error?: { Message: string } }>(),
  }),
  containerDelete: endpoint("DELETE /containers/{id}", "ContainerDelete", {
    query: { v: query.bool, force: query.bool, link: query.bool },
    reply: replyEmpty(204),
  }),
  containerArchiveInfo: endpoint("HEAD /containers/{id}/archive", "ContainerArchiveInfo", {
    query: { path: query.string },
    reply: replyStream(),
  }),
  containerArchive: endpoint("GET /containers/{id}/archive", "ContainerArchive", { query: { path: query.string }, reply: replyStream() }),
  containerExtract: endpoint("PUT /containers/{id}/archive", "PutContainerArchive", {
    query: { path: query.string, noOverwriteDirNonDir: query.bool, copyUIDGID: query.bool },
    body: streamBody,
    reply: replyEmpty(200),
  }),
  containerPrune: endpoint("POST /containers/prune", "ContainerPrune", {
    since: "1.25",
    query: { filters: query.filters },
    reply: replyJson<{ ContainersDeleted: readonly string[] | null; SpaceReclaimed: number }>(),
  }),
  commit: endpoint("POST /commit", "ImageCommit", {
    query: {
      container: query.string,
      repo: query.string,
      tag: query.string,
      comment: query.string,
      author: query.string,
      pause: query.boolDefaultTrue,
      changes: query.strings,
    },
    body: optionalJsonBody(commitBody),
    reply: replyJson<{ Id: string }>(201),
  }),
};

export const execEndpoints = {
  execCreate: endpoint("POST /containers/{id}/exec", "ContainerExec", {
    body: jsonBody(execCreateBody),
    reply: replyJson<{ Id: string }>(201),
  }),
  execStart: endpoint("POST /exec/{id}/start", "ExecStart", { body: jsonBody(execStartBody), reply: replyHijack }),
  execResize: endpoint("POST /exec/{id}/resize", "ExecResize", { query: size, reply: replyEmpty(200) }),
  execInspect: endpoint("GET /exec/{id}/json", "ExecInspect", { reply: replyJson<OpenJson>() }),
};

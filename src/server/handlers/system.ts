import { readdirSync } from "node:fs";
import { invalid, notImplemented, rfc3339Nano } from "#base";
import { checkEventFilters } from "../events.ts";
import type { Handlers } from "../handlers.ts";
import { encodeJson, nanosOf, parseTimestamp } from "../json.ts";
import { diskUsage } from "../render/disk-usage.ts";
import { infoJson, versionJson } from "../render/info.ts";
import type { HandlerContext, StreamReply } from "../types.ts";

type SystemHandlers = Pick<
  Handlers,
  "ping" | "pingHead" | "version" | "info" | "events" | "auth" | "systemDf" | "buildPrune" | "buildCancel"
>;

/** Headers by which clients learn what they talk to, before they know a version. `1` is the builder of before BuildKit. */
const PING_HEADERS = {
  "Builder-Version": "1",
  "Cache-Control": "no-cache, no-store, must-revalidate",
  Pragma: "no-cache",
  Swarm: "inactive",
};

const ping = (text: string): StreamReply => ({
  contentType: "text/plain; charset=utf-8",
  headers: { ...PING_HEADERS, "Content-Length": String(text.length) },
  body: (async function* () {
    if (text !== "") yield text;
  })(),
});

export function systemHandlers(context: HandlerContext): SystemHandlers {
  const { info, containers, images, events } = context;
  const now = () => context.now?.() ?? new Date();
  return {
    ping: async () => ping("OK"),
    pingHead: async () => ping(""),
    version: async () => versionJson(info()),
    info: async ({ version }) => {
      const counts = {
        containers: containers.counts(),
        images: images.list().length,
        eventListeners: events.listeners,
        openFiles: countOpenFiles(),
        systemTime: rfc3339Nano(nanosOf(now())),
      };
      return infoJson(info(), counts, version);
    },
    async events({ query, signal }) {
      checkEventFilters(query.filters);
      const [since, until] = [query.since, query.until].map((text) => (text === undefined ? undefined : parseTimestamp(text)));
      if (since !== undefined && until !== undefined && since > until)
        throw invalid(`\`since\` time (${query.since}) cannot be after \`until\` time (${query.until})`, { code: "bad-times" });
      const source = events.stream({
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
        filters: query.filters,
        signal,
      });
      return {
        contentType: "application/json",
        body: (async function* () {
          for await (const event of source) yield encodeJson(event);
        })(),
      };
    },
    async auth({ body }) {
      if (!images.login) throw notImplemented("docker login is not supported yet: this daemon has no registry client");
      return images.login(body);
    },
    systemDf: async ({ query, version }) => diskUsage(context, query.type, version),
    buildPrune: async () => ({ CachesDeleted: null, SpaceReclaimed: 0 }),
    async buildCancel() {},
  };
}

function countOpenFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

import { Buffer } from "node:buffer";
import { atLeast } from "#api";
import { invalid, notImplemented } from "#base";
import { bytesOf } from "../body.ts";
import type { Handlers } from "../handlers.ts";
import { frameOutput, MULTIPLEXED_STREAM, RAW_STREAM, serveSession } from "../hijack.ts";
import { encodeJson } from "../json.ts";
import { errorBody } from "../status.ts";
import type { HandlerContext, LogRequest } from "../types.ts";

type IoHandlers = Pick<
  Handlers,
  | "containerAttach"
  | "containerLogs"
  | "containerWait"
  | "containerStats"
  | "containerChanges"
  | "containerExport"
  | "containerArchive"
  | "containerArchiveInfo"
  | "containerExtract"
  | "commit"
>;

const STATS_INTERVAL_MS = 1000;
const PATH_STAT_HEADER = "X-Docker-Container-Path-Stat";

/** Streams of containers: stdio, logs, tars, statistics. */
export function containerIoHandlers({ containers }: HandlerContext): IoHandlers {
  /** A method the containers room may not have yet. @throws notImplemented */
  function need<M extends "stats" | "changes" | "exportTar" | "statPath" | "readArchive" | "writeArchive" | "commit">(
    method: M,
    what: string,
  ) {
    const found = containers[method];
    if (!found) throw notImplemented(`${what} is not supported yet`, { code: "not-yet" });
    return found.bind(containers) as NonNullable<(typeof containers)[M]>;
  }
  return {
    async containerAttach({ params, query }) {
      const session = await containers.attach(params.id!, {
        stdin: query.stdin,
        stdout: query.stdout,
        stderr: query.stderr,
        logs: query.logs,
        stream: query.stream,
        ...(query.detachKeys ? { detachKeys: query.detachKeys } : {}),
      });
      return { multiplexed: !session.tty, serve: (socket) => serveSession(socket, session) };
    },
    async containerLogs({ params, query, version, signal }) {
      if (!query.stdout && !query.stderr) throw invalid("Bad parameters: you must choose at least one stream", { code: "no-stream" });
      const since = seconds(query.since, "since");
      const until = seconds(query.until, "until");
      const options: LogRequest = {
        stdout: query.stdout,
        stderr: query.stderr,
        follow: query.follow,
        timestamps: query.timestamps,
        ...(since ? { since } : {}),
        ...(until ? { until } : {}),
        ...tailOf(query.tail),
        signal,
      };
      const { tty, output } = await containers.logs(params.id!, options);
      return {
        contentType: !tty && atLeast(version, "1.42") ? MULTIPLEXED_STREAM : RAW_STREAM,
        body: (async function* () {
          for await (const chunk of endedBy(signal, output)) yield* frameOutput(tty, chunk);
        })(),
      };
    },
    async containerWait({ params, query }) {
      const condition = query.condition || "not-running";
      if (condition !== "not-running" && condition !== "next-exit" && condition !== "removed")
        throw invalid(`invalid condition: ${JSON.stringify(condition)}`, { code: "bad-condition" });
      const { result } = containers.wait(params.id!, condition);
      // A client that leaves before the end must not turn the failure into an unhandled rejection.
      result.catch(() => {});
      return {
        contentType: "application/json",
        body: (async function* () {
          try {
            yield encodeJson(await result);
          } catch (error) {
            yield encodeJson({ StatusCode: -1, Error: { Message: errorBody(error).message } });
          }
        })(),
      };
    },
    async containerStats({ params, query, signal }) {
      const sample = need("stats", "docker stats");
      const first = await sample(params.id!);
      return {
        contentType: "application/json",
        body: (async function* () {
          yield encodeJson(first);
          while (query.stream && !signal.aborted) {
            await pause(STATS_INTERVAL_MS, signal);
            if (!signal.aborted) yield encodeJson(await sample(params.id!));
          }
        })(),
      };
    },
    containerChanges: async ({ params }) => need("changes", "docker diff")(params.id!),
    async containerExport({ params }) {
      return { contentType: "application/x-tar", body: await need("exportTar", "docker export")(params.id!) };
    },
    async containerArchive({ params, query }) {
      const { stat, tar } = await need("readArchive", "docker cp")(params.id!, pathOf(query.path));
      return { contentType: "application/x-tar", headers: { [PATH_STAT_HEADER]: statHeader(stat) }, body: tar };
    },
    async containerArchiveInfo({ params, query }) {
      const stat = await need("statPath", "docker cp")(params.id!, pathOf(query.path));
      return { headers: { [PATH_STAT_HEADER]: statHeader(stat), "Content-Length": "0" }, body: nothing() };
    },
    async containerExtract({ params, query, request }) {
      const options = { noOverwriteDirNonDir: query.noOverwriteDirNonDir, copyUidGid: query.copyUIDGID };
      await need("writeArchive", "docker cp")(params.id!, pathOf(query.path), bytesOf(request), options);
    },
    async commit({ query, body }) {
      if (!query.container) throw invalid('invalid name or ID supplied: ""', { code: "no-container" });
      return need("commit", "docker commit")(query.container, {
        ...(query.repo ? { repository: query.repo } : {}),
        ...(query.tag ? { tag: query.tag } : {}),
        ...(query.comment ? { comment: query.comment } : {}),
        ...(query.author ? { author: query.author } : {}),
        pause: query.pause,
        changes: query.changes,
        config: body,
      });
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const statHeader = (stat: unknown): string => Buffer.from(JSON.stringify(stat)).toString("base64");

/** A source that is also told to end, rather than only no longer asked, when the signal comes. */
async function* endedBy<T>(signal: AbortSignal, source: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const end = () => void iterator.return?.()?.catch(() => {});
  signal.addEventListener("abort", end, { once: true });
  try {
    for (let next = await iterator.next(); !next.done && !signal.aborted; next = await iterator.next()) yield next.value;
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}

function pathOf(path: string | undefined): string {
  if (!path) throw invalid("bad parameter: path cannot be empty", { code: "no-path" });
  return path;
}

/** Seconds with a fraction, or undefined for none and for zero, which Docker takes for none. */
function seconds(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === "" || text === "0") return undefined;
  if (!/^-?\d+(\.\d+)?$/.test(text))
    throw invalid(`invalid value for ${JSON.stringify(name)}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function tailOf(text: string | undefined): { tail?: number } {
  // Docker takes whatever is no number for "all".
  return text !== undefined && /^\d+$/.test(text) ? { tail: Number(text) } : {};
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type AnyEndpoint, API_VERSION, atLeast, checkVersion, type EndpointName, endpoints, Router, splitVersion } from "#api";
import { FairwayError, invalid, type Log, messageOf, notFound } from "#base";
import { DEFAULT_BODY_LIMIT, readJson, readText } from "./body.ts";
import type { Handlers } from "./handlers.ts";
import { MULTIPLEXED_STREAM, RAW_STREAM } from "./hijack.ts";
import { encodeJson } from "./json.ts";
import { sendEmpty, sendError, sendJson, sendStream } from "./reply.ts";
import { errorBody, METHOD_NOT_ALLOWED, statusOf } from "./status.ts";
import { takeOver } from "./takeover.ts";
import type { Call, Extension, HijackReply, StreamReply } from "./types.ts";

export interface DispatchOptions {
  readonly handlers: Handlers;
  readonly extensions: Readonly<Record<string, Extension>>;
  readonly log: Log;
  readonly serverName: string;
  readonly experimental: () => boolean;
  readonly bodyLimit?: number;
}

type AnyHandler = (call: Call<unknown, unknown>) => Promise<unknown>;

/** Takes one request from bytes to answer. */
export class Dispatcher {
  readonly #options: DispatchOptions;
  readonly #router = new Router<EndpointName>(endpoints);
  readonly #running = new Set<AbortController>();

  constructor(options: DispatchOptions) {
    this.#options = options;
  }

  /** True for the endpoints whose connection may be upgraded; any other Upgrade header is ignored. */
  mayUpgrade(request: IncomingMessage): boolean {
    try {
      const { path } = targetOf(request);
      const route = this.#router.find(request.method ?? "", path);
      return route.found === "endpoint" && route.endpoint.reply.kind === "hijack";
    } catch {
      return false;
    }
  }

  /** Ends every stream and attached session. */
  abort(): void {
    for (const controller of this.#running) controller.abort();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = this.#track(response);
    try {
      await this.#answer(request, response, gone.signal);
    } catch (error) {
      this.#logFailure(request, error);
      if (response.headersSent) response.destroy();
      else {
        drainLater(request);
        sendError(response, error);
      }
    }
  }

  /** The same for a connection whose client asked to upgrade it. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): Promise<void> {
    const gone = this.#track(socket);
    gone.signal.addEventListener("abort", () => socket.destroy());
    socket.on("error", () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    try {
      const { call, handler } = await this.#prepare(request, gone.signal);
      const reply = (await handler(call)) as HijackReply;
      if (!reply) {
        socket.end(`HTTP/1.1 200 OK\r\nApi-Version: ${API_VERSION}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        return;
      }
      const type = reply.multiplexed && atLeast(call.version, "1.42") ? MULTIPLEXED_STREAM : RAW_STREAM;
      const lines = [
        "HTTP/1.1 101 UPGRADED",
        `Content-Type: ${type}`,
        "Connection: Upgrade",
        "Upgrade: tcp",
        `Api-Version: ${API_VERSION}`,
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
      await reply.serve(socket);
    } catch (error) {
      this.#logFailure(request, error);
      if (!socket.destroyed) socket.end(rawError(error));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    if (await this.#extension(request, response, signal)) return;
    const { endpoint, call, handler } = await this.#prepare(request, signal, response);
    const result = await handler(call);
    const { reply } = endpoint;
    if (reply.kind === "json") sendJson(response, reply.status, result);
    else if (reply.kind === "empty") sendEmpty(response, reply.status);
    else if (reply.kind === "stream") await sendStream(response, reply.status, result as StreamReply);
    else if (result === undefined) sendEmpty(response, 200);
    else await takeOver(request, response, result as NonNullable<HijackReply>, call.version);
  }

  async #prepare(request: IncomingMessage, signal: AbortSignal, response?: ServerResponse) {
    const { version, path, search } = targetOf(request);
    this.#headers(response);
    const route = this.#router.find(request.method ?? "", path);
    if (route.found === "nothing") throw notFound("page not found", { code: "no-such-endpoint" });
    if (route.found === "methods") {
      response?.setHeader("Allow", route.allow.join(", "));
      throw invalid(`method ${request.method} is not allowed for ${path}`, { code: METHOD_NOT_ALLOWED });
    }
    checkVersion(version);
    const { endpoint, name, params } = route;
    if (endpoint.since !== undefined && !atLeast(version, endpoint.since)) throw notFound("page not found", { code: "no-such-endpoint" });
    const query = decodeQuery(endpoint, search);
    const limit = this.#options.bodyLimit ?? DEFAULT_BODY_LIMIT;
    const body = endpoint.body.kind === "json" ? await readJson(request, endpoint.body, limit) : undefined;
    const handler = this.#options.handlers[name] as AnyHandler;
    return { endpoint, handler, call: { params, query, body, version, request, signal } };
  }

  /** A controller that aborts when the client goes away or the server closes. */
  #track(connection: { once(event: "close", listener: () => void): unknown }): AbortController {
    const controller = new AbortController();
    this.#running.add(controller);
    connection.once("close", () => {
      controller.abort();
      this.#running.delete(controller);
    });
    return controller;
  }

  #headers(response: ServerResponse | undefined): void {
    response?.setHeader("Api-Version", API_VERSION);
    response?.setHeader("Docker-Experimental", String(this.#options.experimental()));
    response?.setHeader("Ostype", "linux");
    response?.setHeader("Server", this.#options.serverName);
  }

  async #extension(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<boolean> {
    const { version, path, search } = targetOf(request);
    const extension = this.#options.extensions[`${request.method} ${path}`];
    if (!extension) return false;
    this.#headers(response);
    const text = await readText(request, this.#options.bodyLimit ?? DEFAULT_BODY_LIMIT);
    let body: unknown;
    try {
      body = text.trim() === "" ? undefined : JSON.parse(text);
    } catch (error) {
      throw invalid(`invalid JSON: ${messageOf(error)}`);
    }
    const result = await extension({ method: request.method ?? "", path, query: search, body, version, signal });
    if (result === undefined) sendEmpty(response, 204);
    else if (isStream(result)) await sendStream(response, 200, result);
    else sendJson(response, 200, result);
    return true;
  }

  #logFailure(request: IncomingMessage, error: unknown): void {
    const status = statusOf(error);
    const fields = { method: request.method, url: request.url, status, error: messageOf(error) };
    if (status >= 500 && !(error instanceof FairwayError)) this.#options.log.error("Handler failed", { ...fields, stack: stackOf(error) });
    else this.#options.log.debug("Request refused", fields);
  }
}

/** How long a refused client may go on sending its body. */
const DRAIN_MS = 5000;

/** Throws the rest of a refused body away for a while, so that a client that writes before it reads gets to see the answer. */
function drainLater(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), DRAIN_MS).unref();
  request.once("end", () => clearTimeout(timer));
  request.once("close", () => clearTimeout(timer));
}

const isStream = (result: unknown): result is StreamReply =>
  typeof result === "object" && result !== null && "body" in result && Symbol.asyncIterator in Object(result.body);

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? "") : "");

function rawError(error: unknown): string {
  const text = encodeJson(errorBody(error));
  const head = [`HTTP/1.1 ${statusOf(error)} Error`, `Api-Version: ${API_VERSION}`, "Content-Type: application/json", "Connection: close"];
  return `${head.join("\r\n")}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** Version, decoded path and query of a request line; an absolute URL, as a proxy sends it, is taken too. */
function targetOf(request: IncomingMessage): { version: string; path: string; search: URLSearchParams } {
  const target = (request.url ?? "/").replace(/^https?:\/\/[^/]*/, "");
  const at = target.indexOf("?");
  const path = at < 0 ? target : target.slice(0, at);
  try {
    return { ...splitVersion(decodeURIComponent(path)), search: new URLSearchParams(at < 0 ? "" : target.slice(at + 1)) };
  } catch {
    throw invalid(`invalid URL escape in ${JSON.stringify(path.slice(0, 200))}`, { code: "bad-path" });
  }
}

function decodeQuery(endpoint: AnyEndpoint, search: URLSearchParams): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(
    endpoint.query as Record<string, { decode(v: readonly string[] | undefined, n: string): unknown }>,
  ))
    query[name] = parameter.decode(search.has(name) ? search.getAll(name) : undefined, name);
  return query;
}

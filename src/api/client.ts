import * as http from "node:http";
import * as https from "node:https";
import type { Duplex, Readable } from "node:stream";
import { type ErrorCategory, FairwayError, invalid, messageOf } from "#base";
import type { BodyOf, Method, QueryOf, ReplyOf } from "./endpoint.ts";
import { type EndpointName, type Endpoints, endpoints } from "./table.ts";
import { API_VERSION } from "./version.ts";

export interface ClientOptions {
  /** `unix:///run/fairway.sock` or `tcp://127.0.0.1:2376`. */
  readonly host: string;
  /** PEM texts; TLS is spoken when given. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** API version to speak; the newest unless given. */
  readonly version?: string;
}

export interface CallInput<N extends EndpointName> {
  /** Values of the braces in the path. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Partial<QueryOf<Endpoints[N]>>;
  readonly body?: BodyOf<Endpoints[N]>;
  /** For endpoints that take bytes. */
  readonly stream?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An answer whose body is read as it comes. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: http.IncomingMessage;
}

/** A connection that has become a process's stdio. `multiplexed`: frames for `decodeStdFrames`. */
export interface HijackAnswer {
  readonly socket: Duplex;
  readonly multiplexed: boolean;
}

interface RawInput {
  readonly json?: unknown;
  readonly stream?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly upgrade?: (socket: Duplex, response: http.IncomingMessage) => void;
}

const CATEGORIES: Readonly<Record<number, ErrorCategory>> = {
  304: "notModified",
  400: "invalidParameter",
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  501: "notImplemented",
  503: "unavailable",
};

/** The Engine API, typed from the endpoint table. Failures arrive as `FairwayError` with the daemon's message and the category of its status. */
export class Client {
  readonly #options: ClientOptions;
  readonly #target: http.RequestOptions;
  readonly #agent: http.Agent;

  /** @throws invalidParameter for a host that is neither unix:// nor tcp:// */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#target = targetOf(options.host);
    this.#agent = options.tls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  }

  /** Calls an endpoint and waits for its whole answer. @throws FairwayError for every status of 300 and above */
  async call<N extends EndpointName>(name: N, input: CallInput<N> = {}): Promise<ReplyOf<Endpoints[N]>> {
    const { body } = await this.stream(name, input);
    const text = await textOf(body);
    return (text.trim() === "" ? undefined : JSON.parse(text)) as ReplyOf<Endpoints[N]>;
  }

  /** Calls an endpoint that answers with a stream of bytes. */
  stream<N extends EndpointName>(name: N, input: CallInput<N> = {}): Promise<StreamAnswer> {
    return this.request(endpoints[name].method, pathOf(name, input), rawOf(input));
  }

  /** Calls an endpoint that answers with JSON lines. */
  async *lines<N extends EndpointName>(name: N, input: CallInput<N> = {}): AsyncGenerator<ReplyOf<Endpoints[N]>> {
    const { body } = await this.stream(name, input);
    let rest = "";
    for await (const chunk of body.setEncoding("utf8")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line.trim() !== "") yield JSON.parse(line);
    }
    if (rest.trim() !== "") yield JSON.parse(rest);
  }

  /** Attach and exec: upgrades the connection to a process's stdio. */
  hijack(name: "containerAttach" | "execStart", input: CallInput<"containerAttach"> | CallInput<"execStart">): Promise<HijackAnswer> {
    return new Promise((resolve, reject) => {
      const upgrade = (socket: Duplex, response: http.IncomingMessage) =>
        resolve({ socket, multiplexed: response.headers["content-type"] === "application/vnd.docker.multiplexed-stream" });
      const headers = { ...input.headers, Connection: "Upgrade", Upgrade: "tcp" };
      const raw = { ...rawOf(input as CallInput<"execStart">), headers, upgrade };
      this.request("POST", pathOf(name, input as never), raw).then((answer) => {
        answer.body.destroy();
        reject(new FairwayError("internal", `Cannot attach: the daemon answered ${answer.status} in place of an upgrade`));
      }, reject);
    });
  }

  /** Any path, for what the table does not hold (`/fairway/doctor`). The version prefix is added. */
  request(method: Method, path: string, input: RawInput = {}): Promise<StreamAnswer> {
    const { tls, version } = this.#options;
    const payload = input.json === undefined ? undefined : JSON.stringify(input.json);
    const options: https.RequestOptions = {
      ...this.#target,
      ...tls,
      method,
      path: `/v${version ?? API_VERSION}${path}`,
      agent: input.upgrade ? false : this.#agent,
      headers: {
        Host: this.#target.socketPath ? "docker" : `${this.#target.host}:${this.#target.port}`,
        "User-Agent": "fairway",
        ...(payload === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) }),
        ...input.headers,
      },
      ...(input.signal ? { signal: input.signal } : {}),
    };
    return new Promise((resolve, reject) => {
      const request = tls ? https.request(options) : http.request(options);
      request.on("error", (error) => reject(connectionError(this.#options.host, error)));
      request.on("response", (response) => settle(response).then(resolve, reject));
      if (input.upgrade)
        request.on("upgrade", (response, socket, head) => {
          if (head.length > 0) socket.unshift(head);
          input.upgrade!(socket, response);
        });
      if (input.stream) input.stream.on("error", (error) => request.destroy(error)).pipe(request);
      else request.end(payload);
    });
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }
}

function targetOf(host: string): http.RequestOptions {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  const match = /^(?:tcp|https?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(host);
  if (!match) throw invalid(`Cannot connect to ${JSON.stringify(host)}: want unix:///path or tcp://host:port`, { code: "bad-host" });
  return { host: match[1]!.replace(/^\[|\]$/g, ""), port: match[2] ?? "2375" };
}

function pathOf<N extends EndpointName>(name: N, input: CallInput<N>): string {
  const endpoint = endpoints[name];
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = input.params?.[key];
    if (value === undefined || value === "") throw invalid(`Cannot call ${name}: path parameter ${key} is missing`);
    return value.split("/").map(encodeURIComponent).join("/");
  });
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value === undefined) continue;
    const parameter = (endpoint.query as Record<string, { encode(value: unknown): readonly string[] }>)[key];
    for (const text of parameter?.encode(value) ?? []) search.append(key, text);
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

const rawOf = <N extends EndpointName>(input: CallInput<N>): RawInput => ({
  ...(input.body === undefined ? {} : { json: input.body }),
  ...(input.stream ? { stream: input.stream } : {}),
  ...(input.headers ? { headers: input.headers } : {}),
  ...(input.signal ? { signal: input.signal } : {}),
});

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function settle(response: http.IncomingMessage): Promise<StreamAnswer> {
  const status = response.statusCode ?? 0;
  if (status < 300) return { status, headers: response.headers, body: response };
  const text = await textOf(response);
  throw new FairwayError(CATEGORIES[status] ?? "internal", errorMessage(text) || `The daemon answered ${status}`, { context: { status } });
}

function errorMessage(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? text);
  } catch {
    return text.trim();
  }
}

function connectionError(host: string, error: Error): FairwayError {
  const message = `Cannot connect to the Fairway daemon at ${host}: ${messageOf(error)}. Is fairwayd running?`;
  return new FairwayError("unavailable", message, { code: "no-daemon", context: { host }, cause: error });
}

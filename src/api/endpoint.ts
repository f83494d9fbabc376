import type { QueryParameter } from "./query.ts";
import type { Schema } from "./schema.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

export type BodyKind<T> =
  | { readonly kind: "none" }
  /** `optional`: an empty body stands for an empty object. */
  | { readonly kind: "json"; readonly schema: Schema<T>; readonly optional: boolean }
  /** Bytes of any length, as a tar. */
  | { readonly kind: "stream" };

/** What a successful call answers. `T` is only a type: the table holds no response schemas, the conformance test has Docker's. */
export type ReplyKind<T> =
  | { readonly kind: "json"; readonly status: number; readonly type?: T }
  | { readonly kind: "empty"; readonly status: number }
  | { readonly kind: "stream"; readonly status: number; readonly type?: T }
  /** The connection becomes the process's stdio. */
  | { readonly kind: "hijack" };

export interface Endpoint<
  Q extends Record<string, QueryParameter<unknown>> = Record<string, QueryParameter<never>>,
  B = unknown,
  R = unknown,
> {
  readonly method: Method;
  /** `{id}` stands for a name or id; it may hold slashes, as image names do. */
  readonly path: string;
  /** API version that brought it; 404 before. */
  readonly since?: string;
  readonly query: Q;
  readonly body: BodyKind<B>;
  readonly reply: ReplyKind<R>;
  /** Operation id in Docker's reference: https://docs.docker.com/reference/api/engine/version/v1.50/#operation/… ; empty for our own. */
  readonly doc: string;
}

// biome-ignore lint/suspicious/noExplicitAny: parameters are covariant in the table and contravariant in use
export type AnyEndpoint = Endpoint<any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
type AnyQuery = Record<string, QueryParameter<any>>;

interface Given<Q, B, R> {
  readonly since?: string;
  readonly query?: Q;
  readonly body?: BodyKind<B>;
  readonly reply: ReplyKind<R>;
}

// biome-ignore lint/complexity/noBannedTypes: no query parameters
export type NoQuery = {};

/** One line of the table: `endpoint("GET /networks", "NetworkList", { … })`. */
export function endpoint<Q extends AnyQuery = NoQuery, B = undefined, R = undefined>(
  route: `${Method} /${string}`,
  doc: string,
  given: Given<Q, B, R>,
): Endpoint<Q, B, R> {
  const [method, path] = route.split(" ") as [Method, string];
  const { since, query, body, reply } = given;
  return { method, path, doc, query: query ?? ({} as Q), body: body ?? { kind: "none" }, reply, ...(since === undefined ? {} : { since }) };
}

export const jsonBody = <T>(schema: Schema<T>): BodyKind<T> => ({ kind: "json", schema, optional: false });
export const optionalJsonBody = <T>(schema: Schema<T>): BodyKind<T> => ({ kind: "json", schema, optional: true });
export const streamBody: BodyKind<undefined> = { kind: "stream" };

export const replyJson = <T>(status = 200): ReplyKind<T> => ({ kind: "json", status });
export const replyEmpty = (status: number): ReplyKind<undefined> => ({ kind: "empty", status });
/** `T` names the JSON lines of the stream, or `Uint8Array` for bytes. */
export const replyStream = <T = Uint8Array>(status = 200): ReplyKind<T> => ({ kind: "stream", status });
export const replyHijack: ReplyKind<undefined> = { kind: "hijack" };

export type QueryOf<E> = E extends { query: infer Q } ? { [K in keyof Q]: Q[K] extends QueryParameter<infer T> ? T : never } : never;
export type BodyOf<E> = E extends { body: BodyKind<infer B> } ? B : never;
export type ReplyOf<E> = E extends { reply: ReplyKind<infer R> } ? R : never;
/** Names in braces of a path template, as they come out of the router. */
export type Params = Readonly<Record<string, string>>;

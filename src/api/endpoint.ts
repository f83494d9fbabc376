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
export interface JsonReply<T> {
  readonly kind: "json";
  readonly status: number;
  readonly type?: T;
}
export interface EmptyReply {
  readonly kind: "empty";
  readonly status: number;
  readonly type?: undefined;
}
/** `T` names the JSON lines of the stream, or `Uint8Array` for bytes. */
export interface LineReply<T> {
  readonly kind: "stream";
  readonly status: number;
  readonly type?: T;
}
/** The connection becomes the process's stdio. */
export interface HijackKind {
  readonly kind: "hijack";
  readonly type?: undefined;
}
export type ReplyKind = JsonReply<unknown> | EmptyReply | LineReply<unknown> | HijackKind;

export interface Endpoint<Q = Readonly<Record<string, unknown>>, B = unknown, P extends ReplyKind = ReplyKind> {
  readonly method: Method;
  /** `{id}` stands for a name or id; it may hold slashes, as image names do. */
  readonly path: string;
  /** API version that brought it; 404 before. */
  readonly since?: string;
  readonly query: Q;
  readonly body: BodyKind<B>;
  readonly reply: P;
  /** Operation id in Docker's reference: https://docs.docker.com/reference/api/engine/version/v1.50/#operation/… ; empty for our own. */
  readonly doc: string;
}

// biome-ignore lint/suspicious/noExplicitAny: parameters are covariant in the table and contravariant in use
export type AnyEndpoint = Endpoint<any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
type AnyQuery = Record<string, QueryParameter<any>>;

interface Given<Q, B, P> {
  readonly since?: string;
  readonly query?: Q;
  readonly body?: BodyKind<B>;
  readonly reply: P;
}

// biome-ignore lint/complexity/noBannedTypes: no query parameters
export type NoQuery = {};

/** One line of the table: `endpoint("GET /networks", "NetworkList", { … })`. */
export function endpoint<P extends ReplyKind, Q extends AnyQuery = NoQuery, B = undefined>(
  route: `${Method} /${string}`,
  doc: string,
  given: Given<Q, B, P>,
): Endpoint<Q, B, P> {
  const [method, path] = route.split(" ") as [Method, string];
  const { since, query, body, reply } = given;
  return { method, path, doc, query: query ?? ({} as Q), body: body ?? { kind: "none" }, reply, ...(since === undefined ? {} : { since }) };
}

export const jsonBody = <T>(schema: Schema<T>): BodyKind<T> => ({ kind: "json", schema, optional: false });
export const optionalJsonBody = <T>(schema: Schema<T>): BodyKind<T> => ({ kind: "json", schema, optional: true });
export const streamBody: BodyKind<undefined> = { kind: "stream" };

export const replyJson = <T>(status = 200): JsonReply<T> => ({ kind: "json", status });
export const replyEmpty = (status: number): EmptyReply => ({ kind: "empty", status });
export const replyStream = <T = Uint8Array>(status = 200): LineReply<T> => ({ kind: "stream", status });
export const replyHijack: HijackKind = { kind: "hijack" };

export type QueryOf<E> = E extends { query: infer Q } ? { [K in keyof Q]: Q[K] extends QueryParameter<infer T> ? T : never } : never;
export type BodyOf<E> = E extends { body: BodyKind<infer B> } ? B : never;
export type ReplyOf<E> = E extends { reply: { type?: infer R } } ? R : never;
/** Names in braces of a path template, as they come out of the router. */
export type Params = Readonly<Record<string, string>>;

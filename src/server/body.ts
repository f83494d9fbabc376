import type { IncomingMessage } from "node:http";
import { decodeJson, type Schema } from "#api";
import { FairwayError, invalid } from "#base";

/** A JSON body of an API request is seldom above a few kilobytes; nothing near this limit is one. */
export const DEFAULT_BODY_LIMIT = 4 << 20;

/** What is read of a body that is too large, and thrown away, so that a client that is still sending hears why: it would find a closed pipe. */
const DRAIN_LIMIT = 64 << 20;

/** Longest time between two pieces of a JSON body; a tar may take as long as it likes. */
const BODY_IDLE_MS = 60_000;

const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;

function checkContentType(request: IncomingMessage): void {
  const given = request.headers["content-type"];
  if (given === undefined && !hasBody(request)) return;
  const type = (given ?? "").split(";", 1)[0]!.trim().toLowerCase();
  if (type === "application/json") return;
  throw invalid(`unsupported Content-Type header (${given ?? ""}): must be 'application/json'`, { code: "bad-content-type" });
}

/**
 * A request's body as bytes. A reader that stops early leaves the connection alone, unlike one that iterates the request itself: the answer that says
 * why still has to go out on it.
 */
export const bytesOf = (request: IncomingMessage): AsyncIterable<Uint8Array> => request.iterator({ destroyOnReturn: false });

/** Reads a whole body. @throws invalidParameter above the limit, or when the client stops half way */
export async function readText(request: IncomingMessage, limit: number): Promise<string> {
  const tooLarge = () =>
    invalid(`request body is too large: it may have at most ${limit} bytes`, { code: "body-too-large", context: { limit } });
  if (Number(request.headers["content-length"] ?? 0) > DRAIN_LIMIT) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const idle = setTimeout(() => request.destroy(), BODY_IDLE_MS);
  try {
    for await (const chunk of bytesOf(request)) {
      idle.refresh();
      length += chunk.length;
      if (length > DRAIN_LIMIT) throw tooLarge();
      if (length <= limit) chunks.push(chunk);
      else chunks.length = 0;
    }
    if (length > limit) throw tooLarge();
  } catch (error) {
    if (error instanceof FairwayError) throw error;
    throw invalid("request body ended early: the client closed the connection", { code: "aborted-body", cause: error });
  } finally {
    clearTimeout(idle);
  }
  return Buffer.concat(chunks).toString();
}

/** Reads and checks a JSON body. @throws invalidParameter in Docker's words */
export async function readJson<T>(
  request: IncomingMessage,
  body: { readonly schema: Schema<T>; readonly optional: boolean },
  limit: number,
): Promise<T> {
  if (body.optional && !hasBody(request)) return {} as T;
  checkContentType(request);
  const text = await readText(request, limit);
  return body.optional && text.trim() === "" ? ({} as T) : decodeJson(body.schema, text);
}

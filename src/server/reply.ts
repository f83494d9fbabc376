import type { ServerResponse } from "node:http";
import { encodeJson } from "./json.ts";
import { GONE, Peer } from "./peer.ts";
import { errorBody, statusOf } from "./status.ts";
import type { StreamReply } from "./types.ts";

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = encodeJson(value);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}

/** An answer without body: 204 and 304 have no length, as HTTP wants it. */
export function sendEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 204 || status === 304 ? {} : { "Content-Length": 0 });
  response.end();
}

export function sendError(response: ServerResponse, error: unknown): void {
  const status = statusOf(error);
  if (status === 304) sendEmpty(response, 304);
  else sendJson(response, status, errorBody(error));
}

/**
 * Sends headers at once and then the pieces, no faster than the client takes them. When the client goes away the source is returned to: a source
 * that is waiting learns it only from its own signal, so nobody waits for it here.
 */
export async function sendStream(response: ServerResponse, status: number, reply: StreamReply): Promise<void> {
  response.writeHead(status, { ...(reply.contentType ? { "Content-Type": reply.contentType } : {}), ...reply.headers });
  response.flushHeaders();
  const peer = new Peer(response);
  const source = reply.body[Symbol.asyncIterator]();
  for (;;) {
    const next = await peer.orGone(source.next());
    if (next === GONE) {
      source.return?.()?.catch(() => {});
      return;
    }
    if (next.done) break;
    await peer.send(next.value);
  }
  response.end();
}

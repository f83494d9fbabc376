import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { API_VERSION, atLeast } from "#api";
import { MULTIPLEXED_STREAM, RAW_STREAM } from "./hijack.ts";
import type { HijackReply } from "./types.ts";

/**
 * The older form of attach and exec: no Upgrade header, a plain 200, and from then on the connection is the process's stdio. Node's HTTP parser holds
 * the socket; taking a `data` listener makes it let go of the handle, and what the client sends is ours.
 */
export async function takeOver(
  request: IncomingMessage,
  response: ServerResponse,
  reply: NonNullable<HijackReply>,
  version: string,
): Promise<void> {
  const socket = request.socket as Socket;
  response.detachSocket(socket);
  for (const event of ["data", "end", "error", "drain", "timeout"]) socket.removeAllListeners(event);
  socket.on("error", () => socket.destroy());
  socket.setTimeout(0);
  const type = reply.multiplexed && atLeast(version, "1.42") ? MULTIPLEXED_STREAM : RAW_STREAM;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nApi-Version: ${API_VERSION}\r\n\r\n`);
  await reply.serve(socket);
}

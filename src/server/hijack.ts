import type { Duplex } from "node:stream";
import { encodeStdHeader } from "#api";
import { messageOf } from "#base";
import type { StdioSession } from "#containers";
import { GONE, Peer } from "./peer.ts";

export const RAW_STREAM = "application/vnd.docker.raw-stream";
export const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";

/**
 * A client that closed and one that only closed its half look the same to a reader. A write of no bytes tells them apart: the kernel refuses it with
 * EPIPE when the peer is gone, and sends nothing when it is there.
 */
const NOTHING = new Uint8Array(0);
const PROBE_MS = 500;
/** How long a client that has everything may keep its half open: some would hold the socket for ever. */
const LINGER_MS = 1000;

/** A piece of output in the framing the client expects: bare with a tty, stdcopy without. */
export function frameOutput(tty: boolean, chunk: { stream: "stdout" | "stderr"; data: Uint8Array }): readonly Uint8Array[] {
  return tty ? [chunk.data] : [encodeStdHeader(chunk.stream, chunk.data.length), chunk.data];
}

/**
 * Joins a connection and a process's stdio. The client's half-close ends the process's stdin and leaves its output flowing; a connection that breaks
 * detaches. Neither side is read faster than the other takes.
 */
export async function serveSession(socket: Duplex, session: StdioSession): Promise<void> {
  const peer = new Peer(socket);
  socket.on("error", () => socket.destroy());
  const input = pumpInput(socket, session);
  const output = session.output[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await peer.orGone(output.next());
      if (next === GONE) return;
      if (next.done) break;
      await peer.send(...frameOutput(session.tty, next.value));
    }
    socket.end();
  } catch (error) {
    if (!socket.destroyed) socket.end(session.tty ? `${messageOf(error)}\n` : systemError(error));
  } finally {
    output.return?.()?.catch(() => {});
    session.detach();
    input.stop();
    // Not before: a slow client may have much of the output to come.
    socket.once("finish", () => setTimeout(() => socket.destroy(), LINGER_MS).unref());
  }
}

function systemError(error: unknown): Uint8Array {
  const text = Buffer.from(`${messageOf(error)}\n`);
  return Buffer.concat([encodeStdHeader("systemerr", text.length), text]);
}

function pumpInput(socket: Duplex, session: StdioSession): { stop(): void } {
  let stopped = false;
  const fail = () => {
    // The process is gone or has closed its stdin: what the client still sends has no reader.
    stopped = true;
    socket.resume();
  };
  const onData = (data: Uint8Array) => {
    if (stopped) return;
    socket.pause();
    session.write(data).then(() => socket.resume(), fail);
  };
  let probe: NodeJS.Timeout | undefined;
  const onEnd = () => {
    if (stopped) return;
    session.closeInput().catch(() => {});
    probe = setInterval(() => socket.write(NOTHING), PROBE_MS).unref();
    socket.once("close", () => clearInterval(probe));
  };
  socket.on("data", onData);
  socket.once("end", onEnd);
  return {
    stop() {
      stopped = true;
      clearInterval(probe);
    },
  };
}

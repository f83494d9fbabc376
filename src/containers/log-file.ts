import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { LogOptions, OutputChunk } from "./types.ts";

/**
 * conmon's k8s-file log, a line of
 *
 *     2026-11-21T07:46:59.334305796+00:00 stdout F text
 *     |0                                 |36    |43|45
 *
 * with P for a piece without its newline: the process's exact bytes come back.
 */
const STREAM_AT = 36;
const TAG_AT = 43;
const TEXT_AT = 45;
const NEWLINE = 10;
const FULL = "F".charCodeAt(0);
const STDERR_LETTER = "e".charCodeAt(0);
const BLOCK = 1 << 16;
/** ms after which a follower looks again although inotify was silent. */
const LOOK_AGAIN = 1000;

interface Line {
  readonly stream: "stdout" | "stderr";
  /** As in the file. */
  readonly time: string;
  readonly full: boolean;
  readonly text: Uint8Array;
}

/** One line without its newline; undefined for what conmon never wrote. */
export function parseLine(line: Uint8Array): Line | undefined {
  if (line.length < TEXT_AT) return undefined;
  return {
    // `stdout` and `stderr` differ in their fourth letter.
    stream: line[STREAM_AT + 3] === STDERR_LETTER ? "stderr" : "stdout",
    time: Buffer.from(line.buffer, line.byteOffset, STREAM_AT - 1).toString("latin1"),
    full: line[TAG_AT] === FULL,
    text: line.subarray(TEXT_AT),
  };
}

/** `…T07:46:59.334305796+00:00` as Docker prints it, `…59.334305796Z`. */
const dockerTime = (time: string): string => {
  if (time.endsWith("+00:00")) return `${time.slice(0, -6)}Z`;
  return `${new Date(time).toISOString().slice(0, 19)}${time.slice(19, 29)}Z`;
};

/** Seconds since the epoch, to the nanosecond as far as a double goes. */
const secondsOf = (time: string): number => Math.floor(Date.parse(time) / 1000) + Number(`0${time.slice(19, 29)}`);

/** Where in the file the last `count` lines start; pieces belong to the line they end in. */
async function tailOffset(file: FileHandle, count: number): Promise<number> {
  const { size } = await file.stat();
  const block = Buffer.alloc(BLOCK + TEXT_AT);
  let lineEnd = size;
  let seen = 0;
  for (let end = size; end > 0; end = Math.max(0, end - BLOCK)) {
    const start = Math.max(0, end - BLOCK);
    // A line's tag may lie past the block its first byte is in.
    const { bytesRead } = await file.read(block, 0, Math.min(end - start + TEXT_AT, size - start), start);
    for (let begin = end - start; begin > 0 || (begin === 0 && start === 0); ) {
      const isStart = begin === 0 || block[begin - 1] === NEWLINE;
      if (isStart && start + begin < lineEnd) {
        const full = begin + TAG_AT < bytesRead && block[begin + TAG_AT] === FULL;
        // Pieces at the very end are a line of their own.
        if (full || lineEnd === size) {
          if (seen === count) return lineEnd;
          seen++;
        }
        lineEnd = start + begin;
      }
      if (begin === 0) break;
      begin = begin < 2 ? 0 : block.lastIndexOf(NEWLINE, begin - 2) + 1;
      if (begin === 0 && start > 0) break;
    }
  }
  return 0;
}

/** What a container's log says, as the process wrote it. Follows until `ended` tells that no more will come. */
export async function* readLog(
  path: string,
  options: LogOptions,
  follow?: { ended(): boolean; onEnd(listener: () => void): () => void },
): AsyncGenerator<OutputChunk> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) {
    if (options.follow && follow && !follow.ended()) yield* await waitForFile(path, options, follow);
    return;
  }
  const notices = { changed: false, wake: undefined as (() => void) | undefined };
  const notify = () => {
    notices.changed = true;
    notices.wake?.();
  };
  const following = options.follow && follow !== undefined;
  const watcher = following ? watch(path, { persistent: false }, notify) : undefined;
  watcher?.on("error", () => {});
  const forget = following ? follow.onEnd(notify) : undefined;
  try {
    const midLine = { stdout: false, stderr: false };
    let position = options.tail === undefined ? 0 : await tailOffset(file, options.tail);
    let rest: Uint8Array = new Uint8Array(0);
    const buffer = Buffer.alloc(BLOCK);
    for (;;) {
      const over = !following || follow.ended();
      notices.changed = false;
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, BLOCK, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        const data = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        const { chunks, used, past } = format(data, options, midLine);
        rest = data.subarray(used);
        for (const chunk of chunks) yield chunk;
        if (past) return;
      }
      if (over) return;
      if (options.until !== undefined && Date.now() / 1000 > options.until) return;
      if (!notices.changed) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          notices.wake = resolve;
          timer = setTimeout(resolve, LOOK_AGAIN);
        });
        clearTimeout(timer);
        notices.wake = undefined;
      }
    }
  } finally {
    watcher?.close();
    forget?.();
    await file.close();
  }
}

async function* waitForFile(
  path: string,
  options: LogOptions,
  follow: { ended(): boolean; onEnd(listener: () => void): () => void },
): AsyncGenerator<OutputChunk> {
  while (!follow.ended()) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const file = await open(path, "r").catch(() => undefined);
    if (!file) continue;
    await file.close();
    yield* readLog(path, options, follow);
    return;
  }
}

/** Whole lines of `data` as output; neighbours of one stream become one chunk. */
function format(
  data: Uint8Array,
  options: LogOptions,
  midLine: { stdout: boolean; stderr: boolean },
): { chunks: OutputChunk[]; used: number; past: boolean } {
  const chunks: OutputChunk[] = [];
  let parts: Uint8Array[] = [];
  let current: "stdout" | "stderr" = "stdout";
  const flush = () => {
    if (parts.length > 0) chunks.push({ stream: current, data: Buffer.concat(parts) });
    parts = [];
  };
  let used = 0;
  let past = false;
  for (;;) {
    const newline = data.indexOf(NEWLINE, used);
    if (newline < 0) break;
    const line = parseLine(data.subarray(used, newline));
    used = newline + 1;
    if (!line || !options[line.stream]) continue;
    if (options.since !== undefined && secondsOf(line.time) < options.since) continue;
    if (options.until !== undefined && secondsOf(line.time) > options.until) {
      past = true;
      break;
    }
    if (line.stream !== current) {
      flush();
      current = line.stream;
    }
    if (options.timestamps && !midLine[line.stream]) parts.push(Buffer.from(`${dockerTime(line.time)} `));
    parts.push(line.text);
    if (line.full) parts.push(Uint8Array.of(NEWLINE));
    midLine[line.stream] = !line.full;
  }
  flush();
  return { chunks, used, past };
}

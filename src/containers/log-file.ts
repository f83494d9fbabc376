import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
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

/** The file of this name, when it is not the open one any more: at `max-size` conmon puts a new one in its place. */
async function begunAnew(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const [now, then] = await Promise.all([stat(path).catch(() => undefined), file.stat()]);
  return now === undefined || now.ino === then.ino ? undefined : await open(path, "r").catch(() => undefined);
}

/** How far a log file has been read. */
interface Progress {
  position: number;
  /** The beginning of a line whose end is not there yet. */
  rest: Uint8Array;
  readonly midLine: { stdout: boolean; stderr: boolean };
}

/** What is in the file from where reading stopped. @returns true when a line later than `until` came */
async function* readToEnd(file: FileHandle, options: LogOptions, progress: Progress): AsyncGenerator<OutputChunk, boolean> {
  const buffer = Buffer.allocUnsafe(BLOCK);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, BLOCK, progress.position);
    if (bytesRead === 0) return false;
    progress.position += bytesRead;
    const data = Buffer.concat([progress.rest, buffer.subarray(0, bytesRead)]);
    const { chunks, used, past } = format(data, options, progress.midLine);
    progress.rest = data.subarray(used);
    for (const chunk of chunks) yield chunk;
    if (past) return true;
  }
}

/** Tells that a log may have grown, or its container ended. */
class Notices implements Disposable {
  #news = false;
  #wake = () => {};
  readonly #watcher: FSWatcher;
  readonly #forget: () => void;

  constructor(path: string, onEnd: (listener: () => void) => () => void) {
    const notify = () => {
      this.#news = true;
      this.#wake();
    };
    // The directory, as the file may be replaced.
    this.#watcher = watch(dirname(path), { persistent: false }, notify).on("error", () => {});
    this.#forget = onEnd(notify);
  }

  /** From here on news count. */
  reset(): void {
    this.#news = false;
  }

  /** Settles when there was something since the last `reset()`, or after a while all the same. */
  async next(): Promise<void> {
    if (this.#news) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, LOOK_AGAIN);
    });
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#forget();
  }
}

interface Follow {
  ended(): boolean;
  onEnd(listener: () => void): () => void;
}

/** What a container's log says, as the process wrote it. Follows until `ended` tells that no more will come. */
export async function* readLog(path: string, options: LogOptions, follow?: Follow): AsyncGenerator<OutputChunk> {
  let file = await open(path, "r").catch(() => undefined);
  if (!file) {
    if (options.follow && follow && !follow.ended()) yield* await waitForFile(path, options, follow);
    return;
  }
  let later: FileHandle | undefined;
  using notices = options.follow && follow ? new Notices(path, (listener) => follow.onEnd(listener)) : undefined;
  try {
    const position = options.tail === undefined ? 0 : await tailOffset(file, options.tail);
    const progress: Progress = { position, rest: new Uint8Array(0), midLine: { stdout: false, stderr: false } };
    for (;;) {
      const over = !notices || follow?.ended() === true;
      notices?.reset();
      // Asked before the old one is read to its end: nothing is written to it once there is a new one.
      later = notices && (await begunAnew(path, file));
      if (yield* readToEnd(file, options, progress)) return;
      if (later) {
        await file.close();
        [file, later] = [later, undefined];
        Object.assign(progress, { position: 0, rest: new Uint8Array(0) });
        continue;
      }
      if (over || (options.until !== undefined && Date.now() / 1000 > options.until)) return;
      await notices.next();
    }
  } finally {
    await file.close();
    await later?.close();
  }
}

async function* waitForFile(path: string, options: LogOptions, follow: Follow): AsyncGenerator<OutputChunk> {
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

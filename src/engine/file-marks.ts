import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Log, messageOf } from "#base";
import { fileHash, isUserModified } from "#dns";

/** Milliseconds: a container's first process, who alone could edit its files, is not there before that. */
const LATER = 50;

/**
 * What we wrote last to files that their users may edit: its hash lies beside the file, as `hosts.hash`. That of a new file is written a little after it,
 * outside of the container's start. After a crash in between the file has none: then it is ours, and is marked as soon as it says what we would write.
 */
export class FileMarks {
  readonly #log: Log;
  /** Hashes not on disk yet, by the path of the file. */
  readonly #unwritten = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** True when somebody else has written the file since. */
  isEdited(path: string, present: string): boolean {
    return isUserModified(present, this.#unwritten.get(path) ?? readText(`${path}.hash`));
  }

  /** Writes a file that is nobody else's, where it does not say `text` already. @param present what it says now */
  write(path: string, text: string, present: string | undefined): void {
    if (present !== text) writeFileSync(path, text);
    if (existsSync(`${path}.hash`)) {
      if (present !== text) writeFileSync(`${path}.hash`, fileHash(text));
      return;
    }
    this.#unwritten.set(path, fileHash(text));
    this.#timer ??= setTimeout(() => this.flush(), LATER).unref();
  }

  /** Writes what is waiting to be written. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [path, hash] of this.#unwritten) {
      try {
        // The container may have been removed meanwhile.
        if (existsSync(path)) writeFileSync(`${path}.hash`, hash);
      } catch (error) {
        this.#log.warn("hash of a file not written", { path, error: messageOf(error) });
      }
    }
    this.#unwritten.clear();
  }
}

/** The text of a file; undefined when there is none. Asking first spares an exception a file, which costs more than the read. */
export function readText(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

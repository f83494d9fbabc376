import { FairwayError, messageOf } from "#base";

/** Primary result codes, https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

interface Explanation {
  readonly code: string;
  readonly text: string;
}

const EXPLANATIONS: Readonly<Record<number, Explanation>> = {
  [SQLITE_BUSY]: { code: "store-locked", text: "another process holds it; is a second fairwayd running on this --data-root?" },
  [SQLITE_READONLY]: { code: "store-read-only", text: "it is read-only" },
  [SQLITE_IOERR]: { code: "store-io", text: "the disk failed to read or write it" },
  [SQLITE_CORRUPT]: {
    code: "store-corrupt",
    text: "the file is damaged; move it and its -wal aside (the next start makes a new one) or restore a copy",
  },
  [SQLITE_FULL]: { code: "store-disk-full", text: "the disk is full" },
  [SQLITE_CANTOPEN]: { code: "store-cannot-open", text: "the file cannot be opened or made" },
  [SQLITE_NOTADB]: { code: "store-corrupt", text: "the file is not an SQLite database, or its header is damaged; move it aside" },
};

/** An SQLite result code; what the file system refused before SQLite was asked counts as its own "cannot open". */
function errcodeOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("errcode" in error) return Number(error.errcode);
  return "syscall" in error ? SQLITE_CANTOPEN : undefined;
}

/** What SQLite threw in the words of whoever must do something about it; a FairwayError passes as it is. */
export function explainSqlite(attempt: string, path: string, error: unknown): FairwayError {
  if (error instanceof FairwayError) return error;
  const errcode = errcodeOf(error);
  // The low byte of an extended result code is its primary one.
  const known = errcode === undefined ? undefined : EXPLANATIONS[errcode & 0xff];
  const message = known
    ? `Cannot ${attempt} "${path}": ${known.text} (${messageOf(error)})`
    : `Cannot ${attempt} "${path}": ${messageOf(error)}`;
  return new FairwayError("internal", message, { code: known?.code ?? "store-failed", context: { path, errcode }, cause: error });
}

export function damaged(path: string, finding: string): FairwayError {
  const message = `Cannot open store "${path}": ${EXPLANATIONS[SQLITE_CORRUPT]!.text} (${finding})`;
  return new FairwayError("internal", message, { code: "store-corrupt", context: { path, finding } });
}

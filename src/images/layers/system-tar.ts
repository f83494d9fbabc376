import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { type FairwayError, internal, invalid, messageOf } from "#base";

/** A clean environment: TAR_OPTIONS must not reach it, and its messages are matched below. */
const ENV = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/** The rest (trusted.overlay.redirect, security.selinux…) would let an image steer the host's overlayfs or labels. */
const ATTRIBUTES = [
  "--xattrs",
  "--xattrs-include=security.capability",
  "--xattrs-include=user.*",
  "--xattrs-include=trusted.overlay.opaque",
];

const EXTRACT = [
  "--extract",
  "--file=-",
  "--numeric-owner",
  "--same-owner",
  "--same-permissions",
  "--delay-directory-restore",
  "--recursive-unlink",
  ...ATTRIBUTES,
  "--warning=no-timestamp",
  "--warning=no-unknown-keyword",
];

function tarFailure(stderr: string, code: number | null): FairwayError {
  const line =
    stderr
      .split("\n")
      .map((text) => text.replace(/^tar: /, ""))
      .find((text) => text !== "" && !/^(Removing leading|Exiting with failure|Error is not recoverable)/.test(text)) ??
    `exit status ${code}`;
  const message = `Error processing tar file(exit status ${code ?? 1}): ${line}`;
  if (/No space left on device|Read-only file system|Disk quota exceeded|Input\/output error/.test(stderr))
    return internal(message, { code: "unpack-failed" });
  return invalid(message, { code: "bad-tar", context: { stderr: stderr.slice(0, 2000) } });
}

/** Settles when the stream takes more, or takes nothing any more. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    if (stream.closed) resolve();
    else stream.once("drain", done).once("close", done);
  });
}

/**
 * Runs system tar over a stream into an existing directory. GNU tar keeps symlinks that are absolute or hold `..` back until the end, so no member
 * can be written through one.
 * @throws invalidParameter with tar's first complaint; internal when the disk is at fault or tar cannot be run
 */
export async function extractTar(stream: AsyncIterable<Uint8Array>, directory: string): Promise<void> {
  const child = spawn("tar", [...EXTRACT, `--directory=${directory}`], { stdio: ["pipe", "ignore", "pipe"], env: ENV });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < 8192) stderr += text;
  });
  child.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", (error) => reject(internal(`Cannot run tar: ${messageOf(error)}`, { cause: error })));
    child.on("close", (code) => resolve(code));
  });
  ended.catch(() => {});
  try {
    for await (const chunk of stream) {
      // A tar that gave up early must not keep us from reading the stream to its end: its caller takes a digest of it.
      if (child.stdin.writable && !child.stdin.write(chunk)) await drained(child.stdin);
    }
  } catch (error) {
    child.kill("SIGKILL");
    await ended.catch(() => {});
    throw error;
  }
  child.stdin.end();
  const code = await ended;
  if (code !== 0) throw tarFailure(stderr, code);
}

/** A tar of everything in a directory, with attributes, names sorted. @throws while read, when tar fails */
export async function* createTar(directory: string): AsyncGenerator<Uint8Array> {
  const child = spawn(
    "tar",
    [
      "--create",
      "--file=-",
      "--format=pax",
      "--pax-option=delete=atime,delete=ctime",
      "--numeric-owner",
      ...ATTRIBUTES,
      "--sort=name",
      `--directory=${directory}`,
      ".",
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: ENV },
  );
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < 8192) stderr += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", (error) => reject(internal(`Cannot run tar: ${messageOf(error)}`, { cause: error })));
    child.on("close", (code) => resolve(code));
  });
  ended.catch(() => {});
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    const code = await ended;
    // 1: a file changed while it was read, which is allowed of a live container.
    if (code !== 0 && code !== 1) throw tarFailure(stderr, code);
  } finally {
    child.kill("SIGKILL");
  }
}

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { internal } from "#base";
import { type Compression, decompress } from "../compression.ts";
import { extractTar } from "./system-tar.ts";
import { type LayerFacts, toOverlay } from "./whiteouts.ts";

/** `sha256:<64 hex>` of all bytes that went by. */
export class DigestTap {
  readonly #hash = createHash("sha256");
  bytes = 0;

  async *over(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  digest(): string {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}

export const digestOf = (bytes: Uint8Array | string): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** The record of one layer; `directory` is a name below `<dataRoot>/layers`. */
export interface LayerRecord {
  readonly diffId: string;
  readonly directory: string;
  /** Bytes of the files in it. */
  readonly size: number;
  /** Bytes of the uncompressed tar. */
  readonly tarSize: number;
  /** The tar as it came, under `<dataRoot>/image/blobs`. */
  readonly blob: { readonly digest: string; readonly size: number; readonly compression: Compression };
}

/** A layer that is unpacked and hashed, in temporary places still. */
export interface StagedLayer {
  readonly record: Omit<LayerRecord, "directory">;
  readonly unpacked: string;
  readonly blobFile: string;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function* teeToFile(stream: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const file = createWriteStream(path, { mode: 0o600 });
  file.on("error", () => {});
  try {
    for await (const chunk of stream) {
      if (!file.write(chunk)) await once(file, "drain");
      yield chunk;
    }
    file.end();
    await finished(file);
  } finally {
    file.destroy();
  }
}

/** A file's bytes; opened when the first is asked for, so that a failure reaches who reads. */
export async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
}

/** Drops a tree, including what an image left without permissions. */
export const dropTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 2 });

/**
 * The disk side of images: blobs by digest under `<dataRoot>/image/blobs/sha256/<hex>`, unpacked layers under `<dataRoot>/layers/<6 hex>`. Names there
 * are short because the whole `lowerdir=` option of overlayfs has to fit in one page.
 */
export class LayerStore {
  readonly #blobs: string;
  readonly #layers: string;
  readonly #temporary: string;

  constructor(dataRoot: string) {
    this.#blobs = join(dataRoot, "image", "blobs", "sha256");
    this.#temporary = join(dataRoot, "image", "tmp");
    this.#layers = join(dataRoot, "layers");
  }

  /** Makes the folders and removes whatever no record speaks of: leftovers of a crash. @returns what was removed */
  async open(keep: { readonly blobs: ReadonlySet<string>; readonly directories: ReadonlySet<string> }): Promise<readonly string[]> {
    await mkdir(this.#blobs, { recursive: true, mode: 0o700 });
    await mkdir(this.#layers, { recursive: true, mode: 0o710 });
    const stale: string[] = [];
    if (await exists(this.#temporary)) stale.push(...(await readdir(this.#temporary)).map((name) => join(this.#temporary, name)));
    for (const name of await readdir(this.#blobs)) if (!keep.blobs.has(`sha256:${name}`)) stale.push(join(this.#blobs, name));
    for (const name of await readdir(this.#layers)) if (!keep.directories.has(name)) stale.push(join(this.#layers, name));
    for (const path of stale) await dropTree(path);
    await mkdir(this.#temporary, { recursive: true, mode: 0o700 });
    return stale;
  }

  directoryOf(record: LayerRecord): string {
    return join(this.#layers, record.directory);
  }

  blobPath(digest: string): string {
    return join(this.#blobs, digest.slice("sha256:".length));
  }

  /** A fresh path for temporary things; {@link open} removes what a crash leaves there. */
  temporaryPath(): string {
    return join(this.#temporary, randomBytes(8).toString("hex"));
  }

  /**
   * Unpacks a layer, compressed or not, into a temporary directory. With `file` given the stream's bytes are already there; else they are kept.
   * @throws invalidParameter, with nothing left behind, when it is no good tar
   */
  async stage(source: AsyncIterable<Uint8Array>, file?: string): Promise<StagedLayer> {
    const blobFile = file ?? this.temporaryPath();
    const unpacked = join(this.#layers, `tmp-${randomBytes(6).toString("hex")}`);
    await mkdir(unpacked);
    // mkdir's mode is cut by the umask, and a layer without an entry for its root must still be readable by any user.
    await chmod(unpacked, 0o755);
    try {
      const arrived = new DigestTap();
      const { compression, stream } = await decompress(arrived.over(file === undefined ? teeToFile(source, blobFile) : source));
      const plain = new DigestTap();
      const facts: LayerFacts = { size: 0 };
      await extractTar(toOverlay(plain.over(stream), facts), unpacked);
      const blob = { digest: arrived.digest(), size: arrived.bytes, compression };
      return { record: { diffId: plain.digest(), size: facts.size, tarSize: plain.bytes, blob }, unpacked, blobFile };
    } catch (error) {
      await dropTree(unpacked);
      if (file === undefined) await rm(blobFile, { force: true });
      throw error;
    }
  }

  async discard(staged: StagedLayer): Promise<void> {
    await dropTree(staged.unpacked);
    await rm(staged.blobFile, { force: true });
  }

  /** Moves a staged layer to its place. The caller writes the record next: until then it is garbage that {@link open} would remove. */
  async adopt(staged: StagedLayer): Promise<LayerRecord> {
    const hex = staged.record.diffId.slice("sha256:".length);
    let length = 6;
    while (await exists(join(this.#layers, hex.slice(0, length)))) length++;
    const record: LayerRecord = { ...staged.record, directory: hex.slice(0, length) };
    await rename(staged.unpacked, this.directoryOf(record));
    await rename(staged.blobFile, this.blobPath(record.blob.digest));
    return record;
  }

  /** Unpacks a layer again whose directory was lost. @returns false when it was there @throws when its blob is lost too, or is damaged */
  async restore(record: LayerRecord): Promise<boolean> {
    if (await exists(this.directoryOf(record))) return false;
    const staged = await this.stage(fileBytes(this.blobPath(record.blob.digest)), this.blobPath(record.blob.digest));
    if (staged.record.diffId !== record.diffId) {
      await dropTree(staged.unpacked);
      throw internal(`Cannot restore layer ${record.diffId}: its blob gives ${staged.record.diffId}`, { code: "layer-damaged" });
    }
    await rename(staged.unpacked, this.directoryOf(record));
    return true;
  }

  /** Writes a small blob, as a config, whole or not at all. */
  async putBlob(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    const path = this.temporaryPath();
    const file = createWriteStream(path, { mode: 0o600 });
    file.end(bytes);
    await finished(file);
    await rename(path, this.blobPath(digest));
    return digest;
  }

  readBlob(digest: string): AsyncIterable<Uint8Array> {
    return fileBytes(this.blobPath(digest));
  }

  /** A small blob, as a config. */
  readWhole(digest: string): Promise<Buffer> {
    return readFile(this.blobPath(digest));
  }

  async dropTemporary(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  async remove(record: LayerRecord): Promise<void> {
    // Out of the way first: a half-deleted layer must not be found under its name.
    const gone = join(this.#layers, `tmp-${randomBytes(6).toString("hex")}`);
    await rename(this.directoryOf(record), gone).catch(() => {});
    await dropTree(gone);
    await this.removeBlob(record.blob.digest);
  }

  async removeBlob(digest: string): Promise<void> {
    await rm(this.blobPath(digest), { force: true });
  }
}

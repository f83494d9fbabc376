import { createWriteStream } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { invalid } from "#base";
import { decompress } from "../compression.ts";
import { DigestTap, dropTree, fileBytes } from "../layers/layers.ts";
import { memberName, readable } from "../layers/member-name.ts";
import { readTar, TarType } from "../tar/mod.ts";

/** Largest manifest, index or config that is read into memory, in bytes. */
const DOCUMENT_LIMIT = 16 << 20;

export interface SpooledFile {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * The files of an archive, written to a temporary directory under names of our own, so that nothing the archive says becomes a path of the host.
 * Links are kept as names: older `docker save` links a layer that two images share.
 */
export class Spool {
  readonly #directory: string;
  readonly #files = new Map<string, SpooledFile>();
  readonly #links = new Map<string, string>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws invalidParameter, with nothing left behind, when the stream is no whole tar */
  static async read(stream: AsyncIterable<Uint8Array>, directory: string): Promise<Spool> {
    const spool = new Spool(directory);
    await mkdir(directory, { mode: 0o700 });
    try {
      for await (const { header, body } of readTar((await decompress(stream)).stream)) {
        const name = memberName(header.name);
        if (header.type === TarType.symlink) {
          const slash = name.lastIndexOf("/");
          spool.#links.set(
            name,
            memberName(header.linkName.startsWith("/") ? header.linkName : `${name.slice(0, slash + 1)}${header.linkName}`),
          );
        } else if (header.type === TarType.hardLink) spool.#links.set(name, memberName(header.linkName));
        else if (header.type === TarType.file) {
          const tap = new DigestTap();
          const path = join(directory, String(spool.#files.size));
          await pipeline(tap.over(body), createWriteStream(path, { mode: 0o600 }));
          spool.#links.delete(name);
          spool.#files.set(name, { path, digest: tap.digest(), size: tap.bytes });
        }
      }
    } catch (error) {
      await spool.drop();
      throw error;
    }
    return spool;
  }

  has(name: string): boolean {
    return this.#lookup(name) !== undefined;
  }

  /** @throws invalidParameter when the archive has no such file; `wanted` says who asked for it */
  file(name: string, wanted: string): SpooledFile {
    const file = this.#lookup(name);
    if (file === undefined)
      throw invalid(`invalid archive: ${wanted} names ${JSON.stringify(name)}, which is not in it`, {
        code: "bad-archive",
        context: { name },
      });
    return file;
  }

  #lookup(name: string): SpooledFile | undefined {
    let member = memberName(Buffer.from(name, "utf8").toString("latin1"));
    for (let hops = 0; hops < 8; hops++) {
      const target = this.#links.get(member);
      if (target === undefined) break;
      member = target;
    }
    return this.#files.get(member);
  }

  async document(name: string, wanted: string): Promise<Buffer> {
    const file = this.file(name, wanted);
    if (file.size > DOCUMENT_LIMIT)
      throw invalid(`invalid archive: ${JSON.stringify(readable(name))} is ${file.size} bytes; at most ${DOCUMENT_LIMIT} are read`, {
        code: "bad-archive",
      });
    return await readFile(file.path);
  }

  /** A file on its own path, for the caller to keep. Its bytes can be read again from there only. */
  async takeOut(file: SpooledFile, path: string): Promise<AsyncIterable<Uint8Array>> {
    await rename(file.path, path).catch((error) => {
      throw invalid("invalid archive: one file stands for two different layers", { code: "bad-archive", cause: error });
    });
    return fileBytes(path);
  }

  async drop(): Promise<void> {
    await dropTree(this.#directory);
  }
}

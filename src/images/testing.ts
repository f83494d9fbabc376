/** What tests of any room need of images. Not exported by the door. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { silentLog } from "#base";
import { MemoryStore } from "#store";
import { openImages } from "./images.ts";
import { encodeTarEntryHead, paddingOf, TAR_END, type TarHeader, TarType, tarHeader } from "./tar/mod.ts";
import type { Images } from "./types.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/make-busybox-image.sh", import.meta.url));

/** A root filesystem of busybox-static as a tar, to be imported as `busybox` or `alpine`; about 2 MB. */
export async function buildBusyboxTar(): Promise<Buffer> {
  const { stdout } = await promisify(execFile)(SCRIPT, { encoding: "buffer", maxBuffer: 64 << 20 });
  return stdout;
}

/** Bytes as the stream the store's methods take, in chunks of a size that falls across tar blocks. */
export async function* streamOf(bytes: Uint8Array, chunk = 65_521): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

/** The whole of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

export type Member = Partial<TarHeader> & { name: string; content?: string | Uint8Array; pax?: ReadonlyMap<string, string> };

/** A tar of members that need not make sense. A name ending in a slash is a directory. */
export function makeTar(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { content = "", pax, ...fields } of members) {
    const body = Buffer.from(content);
    const type = fields.name.endsWith("/") ? TarType.directory : TarType.file;
    parts.push(encodeTarEntryHead(tarHeader({ type, size: body.length, ...fields }), pax), body, Buffer.alloc(paddingOf(body.length)));
  }
  return Buffer.concat([...parts, TAR_END]);
}

/** An image store in a temporary directory, gone with `await using`. */
export interface TestImages extends AsyncDisposable {
  readonly images: Images;
  readonly store: MemoryStore;
  readonly dataRoot: string;
  /** Everything on the disk: layers, blobs and temporary things, by name. */
  files(): Promise<{ layers: string[]; blobs: string[]; temporary: string[] }>;
  /** Opens the same data again, as a daemon that died does. */
  reopen(): Promise<Images>;
}

export async function testImages(): Promise<TestImages> {
  const dataRoot = await mkdtemp(join(tmpdir(), "fairway-images-"));
  const store = new MemoryStore();
  const open = () => openImages({ dataRoot, store, log: silentLog });
  const list = async (path: string) => (await readdir(join(dataRoot, path))).sort();
  return {
    images: await open(),
    store,
    dataRoot,
    reopen: open,
    files: async () => ({ layers: await list("layers"), blobs: await list("image/blobs/sha256"), temporary: await list("image/tmp") }),
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(dataRoot, { recursive: true, force: true });
    },
  };
}

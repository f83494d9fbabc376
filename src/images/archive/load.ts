import { invalid } from "#base";
import { type ImageConfig, parseImageConfig } from "../config.ts";
import { digestOf, type StagedLayer } from "../layers/layers.ts";
import { canonicalText, familiarText, type ImageName, parseImageName } from "../reference.ts";
import type { ImageStore } from "../store.ts";
import type { Progress } from "../types.ts";
import { type ArchivedImage, archivedImages } from "./contents.ts";
import { Spool, type SpooledFile } from "./spool.ts";

interface Checked {
  readonly id: string;
  readonly config: ImageConfig;
  readonly bytes: Buffer;
  readonly layers: readonly SpooledFile[];
  readonly names: readonly ImageName[];
}

const shortDiff = (diffId: string) => diffId.slice("sha256:".length, "sha256:".length + 12);

/** @throws invalidParameter when config and manifest contradict each other */
function check(image: ArchivedImage): Checked {
  const config = parseImageConfig(image.config);
  const expected = config.rootfs.diff_ids.length;
  if (config.os !== "" && config.os !== "linux") throw invalid(`cannot load ${config.os} image on linux`, { code: "wrong-platform" });
  if (expected !== image.layers.length)
    throw invalid(`invalid manifest, layers length mismatch: expected ${expected}, got ${image.layers.length}`, { code: "bad-archive" });
  const names = image.names.map((text) => {
    const name = parseImageName(text);
    if (name.tag === undefined) throw invalid(`invalid tag ${JSON.stringify(text)}`, { code: "bad-archive" });
    return { domain: name.domain, path: name.path, tag: name.tag };
  });
  return { id: digestOf(image.config), config, bytes: image.config, layers: image.layers, names };
}

/** Unpacks the layers of an image that are not here yet; all of them are pinned. */
async function stageLayers(store: ImageStore, spool: Spool, image: Checked, job: Job, onProgress: (progress: Progress) => void) {
  for (const [index, file] of image.layers.entries()) {
    const diffId = image.config.rootfs.diff_ids[index]!;
    const known = await store.exclusively(async () => {
      job.unpin.push(store.pin(diffId));
      return store.catalog.layers.has(diffId);
    });
    if (known || job.staged.has(diffId)) continue;
    const id = shortDiff(diffId);
    const blobFile = store.disk.temporaryPath();
    const source = await spool.takeOut(file, blobFile);
    let layer: StagedLayer;
    try {
      layer = await store.disk.stage(
        withProgress(source, (current) => onProgress({ id, status: "Loading layer", current, total: file.size })),
        blobFile,
      );
    } catch (error) {
      await store.disk.dropTemporary(blobFile);
      throw error;
    }
    if (layer.record.diffId !== diffId) {
      await store.disk.discard(layer);
      throw invalid(`invalid diffID for layer ${index}: expected ${JSON.stringify(diffId)}, got ${JSON.stringify(layer.record.diffId)}`, {
        code: "bad-archive",
      });
    }
    job.staged.set(diffId, layer);
  }
}

/** What a load holds until it is recorded or given up. */
interface Job {
  readonly staged: Map<string, StagedLayer>;
  readonly unpin: (() => void)[];
}

async function* withProgress(stream: AsyncIterable<Uint8Array>, report: (current: number) => void): AsyncGenerator<Uint8Array> {
  let current = 0;
  let reported = 0;
  for await (const chunk of stream) {
    current += chunk.length;
    yield chunk;
    if (current - reported < 512 * 1024) continue;
    reported = current;
    report(current);
  }
  report(current);
}

/**
 * `docker load`. All images of the archive are recorded in one transaction, or none is.
 * @returns the lines docker prints
 * @throws invalidParameter with nothing left behind
 */
export async function loadArchive(
  store: ImageStore,
  tar: AsyncIterable<Uint8Array>,
  onProgress: (progress: Progress) => void,
): Promise<readonly string[]> {
  const spool = await Spool.read(tar, store.disk.temporaryPath());
  const job: Job = { staged: new Map(), unpin: [] };
  try {
    const images = (await archivedImages(spool)).map(check);
    for (const image of images) await stageLayers(store, spool, image, job, onProgress);
    return await store.exclusively(() => record(store, images, job));
  } catch (error) {
    for (const layer of job.staged.values()) await store.disk.discard(layer);
    throw error;
  } finally {
    for (const unpin of job.unpin) unpin();
    await spool.drop();
    // What was pinned and lost its last image meanwhile would otherwise stay until the next removal.
    await store.exclusively(() => store.collect());
  }
}

async function record(store: ImageStore, images: readonly Checked[], job: Job): Promise<readonly string[]> {
  const lines: string[] = [];
  const references = new Map<string, string>();
  for (const image of images) {
    for (const name of image.names) {
      const text = canonicalText(name);
      const holder = store.catalog.references.get(text);
      if (holder !== undefined && holder !== image.id)
        lines.push(`The image ${familiarText(name)} already exists, renaming the old one with ID ${holder} to empty string`);
      references.set(text, image.id);
      lines.push(`Loaded image: ${familiarText(name)}`);
    }
    if (image.names.length === 0) lines.push(`Loaded image ID: ${image.id}`);
  }
  await store.add(images, [...job.staged.values()], () => references);
  for (const image of images) store.emit("load", image.id);
  return lines;
}

import type { Log } from "#base";
import type { Catalog, CatalogChange, ImageRecord } from "./catalog.ts";
import type { ImageConfig } from "./config.ts";
import type { LayerRecord, LayerStore, StagedLayer } from "./layers/layers.ts";
import type { ImageEvent } from "./types.ts";

export interface NewImage {
  readonly config: ImageConfig;
  /** The config blob, whose digest is the image's id. */
  readonly bytes: Uint8Array;
  readonly parent?: string;
}

/**
 * Catalog and disk together, and the one place that changes either. Slow work (unpacking) is done before, on staged things; a change itself runs
 * alone, moves files first and commits records after, so that whatever a crash leaves has no record and is swept at the next start.
 */
export class ImageStore {
  readonly catalog: Catalog;
  readonly disk: LayerStore;
  readonly log: Log;
  #queue: Promise<unknown> = Promise.resolve();
  /** Layers that a load in progress counts on. */
  readonly #pins = new Map<string, number>();
  readonly #listeners = new Set<(event: ImageEvent) => void>();

  constructor(catalog: Catalog, disk: LayerStore, log: Log) {
    this.catalog = catalog;
    this.disk = disk;
    this.log = log;
  }

  async open(): Promise<void> {
    await this.catalog.open();
    const layers = [...this.catalog.layers.values()];
    const stale = await this.disk.open({
      blobs: new Set([...layers.map((layer) => layer.blob.digest), ...this.catalog.images.keys()]),
      directories: new Set(layers.map((layer) => layer.directory)),
    });
    if (stale.length > 0) this.log.info("removed leftovers of unfinished image work", { count: stale.length });
    for (const layer of layers)
      try {
        if (await this.disk.restore(layer)) this.log.warn("unpacked a layer again: its directory was gone", { layer: layer.diffId });
      } catch (error) {
        // The daemon starts all the same: only containers of this image can not.
        this.log.error("a layer is lost: load its image again", { layer: layer.diffId, error });
      }
    await this.collect();
  }

  /** Runs a change with no other change beside it. */
  exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(change, change);
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Keeps a layer from being collected; call the result when the image that needs it is recorded, or given up. */
  pin(diffId: string): () => void {
    this.#pins.set(diffId, (this.#pins.get(diffId) ?? 0) + 1);
    return () => {
      const left = (this.#pins.get(diffId) ?? 1) - 1;
      if (left === 0) this.#pins.delete(diffId);
      else this.#pins.set(diffId, left);
    };
  }

  /** Inside {@link exclusively}: the images and their new layers, whole or not at all. Staged layers are used up, also when it fails. */
  async add(
    images: readonly NewImage[],
    staged: readonly StagedLayer[],
    references: (ids: readonly string[]) => CatalogChange["references"],
  ): Promise<readonly string[]> {
    const layers: LayerRecord[] = [];
    try {
      for (const layer of staged) {
        const known = this.catalog.layers.has(layer.record.diffId) || layers.some((other) => other.diffId === layer.record.diffId);
        if (known) await this.disk.discard(layer);
        else layers.push(await this.disk.adopt(layer));
      }
      return await this.#record(images, layers, references);
    } catch (error) {
      for (const layer of layers) await this.disk.remove(layer).catch(() => {});
      for (const layer of staged) await this.disk.discard(layer).catch(() => {});
      throw error;
    }
  }

  async #record(
    images: readonly NewImage[],
    layers: readonly LayerRecord[],
    references: (ids: readonly string[]) => CatalogChange["references"],
  ): Promise<readonly string[]> {
    const records: ImageRecord[] = [];
    for (const { config, bytes, parent } of images) {
      const id = await this.disk.putBlob(bytes);
      const { removed: _, ...known } = this.catalog.images.get(id) ?? { id, config, ...(parent === undefined ? {} : { parent }) };
      records.push(known);
    }
    const ids = records.map((record) => record.id);
    const named = references(ids);
    const tagged = new Set(named?.values());
    const lastTagTime = new Date().toISOString();
    await this.catalog.commit({
      layers,
      images: records.map((record) => (tagged.has(record.id) ? { ...record, lastTagTime } : record)),
      ...(named === undefined ? {} : { references: named }),
    });
    return ids;
  }

  /** Inside {@link exclusively}: removes layers no image has. @returns their records */
  async collect(): Promise<readonly LayerRecord[]> {
    const used = new Set([...this.catalog.images.values()].flatMap((image) => image.config.rootfs.diff_ids));
    const unused = [...this.catalog.layers.values()].filter((layer) => !used.has(layer.diffId) && !this.#pins.has(layer.diffId));
    if (unused.length === 0) return [];
    await this.catalog.commit({ dropLayers: unused.map((layer) => layer.diffId) });
    for (const layer of unused) await this.disk.remove(layer);
    return unused;
  }

  emit(action: string, image: ImageRecord | string, name?: string) {
    const id = typeof image === "string" ? image : image.id;
    const record = typeof image === "string" ? this.catalog.images.get(image) : image;
    const event: ImageEvent = { action, id, attributes: { ...record?.config.config?.Labels, name: name ?? id } };
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.log.error("an image event listener failed", { action, error });
      }
    }
  }

  onEvent(listener: (event: ImageEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

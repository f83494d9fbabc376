import { internal, invalid, type Log, notFound } from "#base";
import type { Store } from "#store";
import { loadArchive } from "./archive/load.ts";
import { saveArchive } from "./archive/save.ts";
import { Catalog } from "./catalog.ts";
import { applyChanges } from "./changes.ts";
import { commitImage } from "./commit.ts";
import { findImage } from "./find.ts";
import { historyOf } from "./history.ts";
import { importedConfig, importTarget } from "./import.ts";
import { LayerStore } from "./layers/layers.ts";
import { pruneImages } from "./prune.ts";
import { canonicalText, familiarText, parseImageName, withDefaultTag } from "./reference.ts";
import { removeImage } from "./remove.ts";
import { ImageStore } from "./store.ts";
import type { Images } from "./types.ts";
import { viewOf } from "./view.ts";

export interface OpenImagesOptions {
  /** Holds `image/` and `layers/`, which are this room's alone. */
  readonly dataRoot: string;
  readonly store: Store;
  readonly log: Log;
}

/** Opens the image store, and removes from the disk what no record speaks of. */
export async function openImages(options: OpenImagesOptions): Promise<Images> {
  const store = new ImageStore(new Catalog(options.store), new LayerStore(options.dataRoot), options.log);
  await store.open();
  const { catalog, disk } = store;
  const byNewest = (left: { created: string; id: string }, right: { created: string; id: string }) =>
    Date.parse(right.created) - Date.parse(left.created) || (left.id < right.id ? -1 : 1);

  return {
    find: (reference) => viewOf(catalog, findImage(catalog, reference)),

    list: () =>
      [...catalog.images.values()]
        .filter((image) => !image.removed)
        .map((image) => viewOf(catalog, image))
        .sort(byNewest),

    tag: (source, target) =>
      store.exclusively(async () => {
        const image = findImage(catalog, source);
        const name = withDefaultTag(parseImageName(target));
        if (name.digest !== undefined) throw invalid("refusing to create a tag with a digest reference", { code: "bad-reference" });
        const references = new Map([[canonicalText(name), image.id]]);
        await catalog.commit({ references, images: [{ ...image, lastTagTime: new Date().toISOString() }] });
        store.emit("tag", image, familiarText(name));
      }),

    remove: (reference, how) => store.exclusively(async () => (await removeImage(store, reference, how)).lines),

    async importTar(tar, how) {
      const target = importTarget(how.repository, how.tag);
      const created = new Date().toISOString();
      importedConfig("", { ...how, created });
      const staged = await disk.stage(tar);
      const config = importedConfig(staged.record.diffId, { ...how, created });
      const bytes = Buffer.from(JSON.stringify(config));
      const [id] = await store.exclusively(() =>
        store.add([{ config, bytes }], [staged], ([made]) => (target === undefined ? undefined : new Map([[canonicalText(target), made]]))),
      );
      if (id === undefined) throw internal("Cannot import image: nothing was recorded");
      store.emit("import", id);
      return id;
    },

    commit(how) {
      const target = importTarget(how.repository, how.tag);
      return commitImage(store, target, { ...how, config: applyChanges(how.config, how.changes ?? []) });
    },

    load: (tar, onProgress) => loadArchive(store, tar, onProgress),

    save: async (references) => saveArchive(store, references),

    history: (reference) => historyOf(catalog, findImage(catalog, reference)),

    lowerDirs(imageId) {
      const image = catalog.images.get(imageId);
      if (image === undefined) throw notFound(`No such image: ${imageId}`, { code: "no-such-image", context: { reference: imageId } });
      return image.config.rootfs.diff_ids.toReversed().map((diffId) => {
        const layer = catalog.layers.get(diffId);
        if (layer === undefined) throw internal(`Cannot use image ${imageId}: its layer ${diffId} is not here`, { code: "layer-missing" });
        return disk.directoryOf(layer);
      });
    },

    prune: (how) => store.exclusively(() => pruneImages(store, how)),

    release: (inUse) =>
      store.exclusively(async () => {
        const gone = [...catalog.images.values()].filter((image) => image.removed && !inUse.has(image.id)).map((image) => image.id);
        if (gone.length === 0) return;
        await catalog.commit({ dropImages: gone });
        for (const id of gone) await disk.removeBlob(id);
        await store.collect();
      }),

    onEvent: (listener) => store.onEvent(listener),
  };
}

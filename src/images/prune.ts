import { findImage } from "./find.ts";
import { familiarText, parseImageName } from "./reference.ts";
import { type RemoveOptions, removeImage } from "./remove.ts";
import type { ImageStore } from "./store.ts";
import type { ImageView, RemovedImage } from "./types.ts";
import { viewOf } from "./view.ts";

export interface PruneOptions {
  readonly all: boolean;
  readonly inUse: ReadonlySet<string>;
  matches?(image: ImageView): boolean;
}

/** Removes images no container uses: the nameless ones, or all. `bytes` counts the layers that left the disk. Runs inside {@link ImageStore.exclusively}. */
export async function pruneImages(store: ImageStore, options: PruneOptions): Promise<{ deleted: readonly RemovedImage[]; bytes: number }> {
  const { catalog } = store;
  const deleted: RemovedImage[] = [];
  let bytes = 0;
  const how: RemoveOptions = { force: false, noPrune: false, inUse: (id) => (options.inUse.has(id) ? [{ id: "", running: false }] : []) };
  for (const image of [...catalog.images.values()]) {
    if (image.removed || options.inUse.has(image.id) || catalog.images.get(image.id) === undefined) continue;
    const references = catalog.referencesOf(image.id);
    if (catalog.childrenOf(image.id).length > 0 || (!options.all && references.some((text) => parseImageName(text).digest === undefined)))
      continue;
    if (options.matches && !options.matches(viewOf(catalog, image))) continue;
    for (const reference of references.length === 0 ? [image.id] : references.map((text) => familiarText(parseImageName(text)))) {
      // A repository's digests leave with its last tag, so a later one of the list may be gone.
      if (catalog.images.get(image.id) === undefined || !isStill(store, reference)) continue;
      const done = await removeImage(store, reference, how);
      deleted.push(...done.lines);
      bytes += done.bytes;
    }
  }
  return { deleted, bytes };
}

function isStill(store: ImageStore, reference: string): boolean {
  try {
    findImage(store.catalog, reference);
    return true;
  } catch {
    return false;
  }
}

import type { Catalog, ImageRecord } from "./catalog.ts";
import { familiarText, parseImageName } from "./reference.ts";
import type { ImageHistoryLine } from "./types.ts";

/** The steps of an image, newest first. Only the top has an id and names; a step without a layer has size 0. */
export function historyOf(catalog: Catalog, image: ImageRecord): readonly ImageHistoryLine[] {
  const { history, rootfs } = image.config;
  let layer = 0;
  const lines = (history ?? []).map((step) => {
    const diffId = step.empty_layer ? undefined : rootfs.diff_ids[layer++];
    const time = Date.parse(step.created ?? "");
    return {
      Id: "<missing>",
      Created: Number.isNaN(time) ? -62135596800 : Math.floor(time / 1000),
      CreatedBy: step.created_by ?? "",
      Tags: null as readonly string[] | null,
      Size: diffId === undefined ? 0 : (catalog.layers.get(diffId)?.size ?? 0),
      Comment: step.comment ?? "",
    };
  });
  const top = lines.at(-1);
  if (top) {
    const tags = catalog
      .referencesOf(image.id)
      .map(parseImageName)
      .filter((name) => name.digest === undefined);
    Object.assign(top, { Id: image.id, Tags: tags.length === 0 ? null : tags.map(familiarText) });
  }
  return lines.reverse();
}

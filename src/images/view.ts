import type { Catalog, ImageRecord } from "./catalog.ts";
import { familiarText, parseImageName } from "./reference.ts";
import type { ImageView } from "./types.ts";

/** Go's zero time: what an image without a date shows. */
const ZERO_TIME = "0001-01-01T00:00:00Z";

/** The public, frozen shape of a record. */
export function viewOf(catalog: Catalog, image: ImageRecord): ImageView {
  const names = catalog.referencesOf(image.id).map(parseImageName);
  const { config } = image;
  return Object.freeze({
    id: image.id,
    repoTags: names.filter((name) => name.digest === undefined).map(familiarText),
    repoDigests: names.filter((name) => name.digest !== undefined).map(familiarText),
    created: config.created ?? ZERO_TIME,
    architecture: config.architecture,
    os: config.os,
    author: config.author ?? "",
    comment: config.comment ?? config.history?.at(-1)?.comment ?? "",
    config: config.config ?? {},
    history: config.history ?? [],
    layers: config.rootfs.diff_ids,
    size: config.rootfs.diff_ids.reduce((sum, diffId) => sum + (catalog.layers.get(diffId)?.size ?? 0), 0),
    parent: image.parent ?? "",
    dockerVersion: config.docker_version ?? "",
    ...(config.variant === undefined ? {} : { variant: config.variant }),
    ...(config["os.version"] === undefined ? {} : { osVersion: config["os.version"] }),
    ...(config.container_config === undefined ? {} : { containerConfig: config.container_config }),
    ...(image.lastTagTime === undefined ? {} : { lastTagTime: image.lastTagTime }),
  });
}

import { internal } from "#base";
import { type HistoryEntry, hostArchitecture, type ImageConfig } from "./config.ts";
import { findImage } from "./find.ts";
import { createTar } from "./layers/system-tar.ts";
import { fromOverlay } from "./layers/whiteouts.ts";
import { canonicalText, type ImageName } from "./reference.ts";
import type { ImageStore } from "./store.ts";
import type { CommitOptions } from "./types.ts";

/**
 * What an overlayfs upper directory changed, as an OCI layer tar: deletions as `.wh.` files, overlayfs's own attributes left out. Live directories
 * may be read; a file that changes meanwhile is taken as it is met.
 */
export const diffTar = (upperDirectory: string): AsyncIterable<Uint8Array> => fromOverlay(createTar(upperDirectory));

/** A new image of a parent's layers and one more (`docker commit`). @returns its id */
export async function commitImage(store: ImageStore, target: ImageName | undefined, options: CommitOptions): Promise<string> {
  const parent = options.parent === undefined ? undefined : findImage(store.catalog, options.parent);
  const unpin = (parent?.config.rootfs.diff_ids ?? []).map((diffId) => store.pin(diffId));
  try {
    const staged = await store.disk.stage(options.layer);
    const created = new Date().toISOString();
    const step: HistoryEntry = {
      created,
      ...(options.author ? { author: options.author } : {}),
      ...(options.createdBy ? { created_by: options.createdBy } : {}),
      ...(options.comment ? { comment: options.comment } : {}),
    };
    const config: ImageConfig = {
      architecture: parent?.config.architecture ?? hostArchitecture(),
      ...(parent?.config.variant === undefined ? {} : { variant: parent.config.variant }),
      ...(options.author ? { author: options.author } : {}),
      ...(options.comment ? { comment: options.comment } : {}),
      config: options.config,
      ...(options.containerConfig === undefined ? {} : { container_config: options.containerConfig }),
      created,
      docker_version: "",
      history: [...(parent?.config.history ?? []), step],
      os: "linux",
      rootfs: { type: "layers", diff_ids: [...(parent?.config.rootfs.diff_ids ?? []), staged.record.diffId] },
    };
    const image = { config, bytes: Buffer.from(JSON.stringify(config)), ...(parent === undefined ? {} : { parent: parent.id }) };
    const [id] = await store.exclusively(() =>
      store.add([image], [staged], ([made]) => (target === undefined ? undefined : new Map([[canonicalText(target), made]]))),
    );
    if (id === undefined) throw internal("Cannot commit image: nothing was recorded");
    return id;
  } finally {
    for (const release of unpin) release();
    await store.exclusively(() => store.collect());
  }
}

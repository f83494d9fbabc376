import { conflict, shortId } from "#base";
import { chainIds, type ImageRecord } from "./catalog.ts";
import { findImage, isIdPrefixOf } from "./find.ts";
import { canonicalText, familiarText, parseImageName, repositoryOf, withDefaultTag } from "./reference.ts";
import type { ImageStore } from "./store.ts";
import type { RemovedImage } from "./types.ts";

export interface RemoveOptions {
  readonly force: boolean;
  readonly noPrune: boolean;
  inUse(imageId: string): readonly { id: string; running: boolean }[];
}

interface Conflict {
  readonly why: string;
  /** Not even force gets past it. */
  readonly hard: boolean;
  /** A container is the reason. */
  readonly used: boolean;
}

const shortDigest = (id: string) => shortId(id.slice("sha256:".length));

const refusal = (id: string, found: Conflict) =>
  conflict(`conflict: unable to delete ${shortDigest(id)} (${found.hard ? "cannot be forced" : "must be forced"}) - ${found.why}`, {
    code: "image-in-use",
    context: { id },
  });

/** What stands against deleting an image, gravest first. `soft` also asks for what force would override; `references` for its names. */
function conflictOf(
  store: ImageStore,
  id: string,
  options: RemoveOptions,
  asks: { soft: boolean; references: boolean },
): Conflict | undefined {
  if (store.catalog.childrenOf(id).length > 0) return { why: "image has dependent child images", hard: true, used: false };
  const users = options.inUse(id);
  const running = users.find((user) => user.running);
  if (running) return { why: `image is being used by running container ${shortId(running.id)}`, hard: true, used: true };
  if (asks.references && store.catalog.referencesOf(id).length > 0)
    return { why: "image is referenced in multiple repositories", hard: false, used: false };
  const stopped = users[0];
  if (asks.soft && stopped) return { why: `image is being used by stopped container ${shortId(stopped.id)}`, hard: false, used: true };
  return undefined;
}

/** At most one tag, and all names of one repository: then the image may be removed by id. */
function isSingleReference(references: readonly string[]): boolean {
  const names = references.map(parseImageName);
  return names.filter((name) => name.digest === undefined).length <= 1 && new Set(names.map(repositoryOf)).size <= 1;
}

async function untag(store: ImageStore, image: ImageRecord, references: readonly string[], lines: RemovedImage[]) {
  await store.catalog.commit({ references: new Map(references.map((text) => [text, undefined])) });
  for (const text of references) {
    lines.push({ Untagged: familiarText(parseImageName(text)) });
    store.emit("untag", image);
  }
}

/** Deletes an image, then, unless told not to, its nameless parents. With `quiet` a conflict is no error while the image has a name, a child or a user. */
async function deleteImage(
  store: ImageStore,
  image: ImageRecord,
  lines: RemovedImage[],
  options: RemoveOptions,
  quiet: boolean,
): Promise<number> {
  const found = conflictOf(store, image.id, options, { soft: !options.force, references: !options.force });
  if (found) {
    const dangling = store.catalog.referencesOf(image.id).length === 0 && store.catalog.childrenOf(image.id).length === 0;
    if (quiet && (found.used || !dangling)) return 0;
    throw refusal(image.id, found);
  }
  await untag(store, image, store.catalog.referencesOf(image.id), lines);
  store.emit("delete", image);
  lines.push({ Deleted: image.id });
  const held = options.inUse(image.id).length > 0;
  if (held) await store.catalog.commit({ images: [{ ...image, removed: true }] });
  else {
    await store.catalog.commit({ dropImages: [image.id] });
    await store.disk.removeBlob(image.id);
  }
  const kept = new Set([...store.catalog.images.values()].flatMap((other) => chainIds(other.config.rootfs.diff_ids)));
  for (const chainId of chainIds(image.config.rootfs.diff_ids).toReversed()) if (!kept.has(chainId)) lines.push({ Deleted: chainId });
  const freed = (await store.collect()).reduce((sum, layer) => sum + layer.size, 0);
  const parent = image.parent === undefined ? undefined : store.catalog.images.get(image.parent);
  if (options.noPrune || parent === undefined || parent.removed) return freed;
  return freed + (await deleteImage(store, parent, lines, { ...options, force: false }, true));
}

/**
 * `docker rmi`: a name is taken away first, and the image goes with its last one; an id removes it with its names.
 * Runs inside {@link ImageStore.exclusively}.
 * @throws conflict in dockerd's words; notFound
 */
export async function removeImage(
  store: ImageStore,
  reference: string,
  options: RemoveOptions,
): Promise<{ lines: readonly RemovedImage[]; bytes: number }> {
  const image = findImage(store.catalog, reference);
  const lines: RemovedImage[] = [];
  const references = store.catalog.referencesOf(image.id);
  let quiet = false;
  if (isIdPrefixOf(image.id, reference)) {
    if (isSingleReference(references)) {
      const found = conflictOf(store, image.id, options, { soft: !options.force, references: false });
      if (found) throw refusal(image.id, found);
      await untag(store, image, references, lines);
    }
  } else {
    const user = options.inUse(image.id)[0];
    if (!options.force && isSingleReference(references) && user)
      throw conflict(
        `conflict: unable to remove repository reference ${JSON.stringify(reference)} (must force) - container ${shortId(user.id)} is using its referenced image ${shortDigest(image.id)}`,
        { code: "image-in-use", context: { id: image.id, container: user.id } },
      );
    const name = withDefaultTag(parseImageName(reference));
    const { tag: _, ...digested } = name;
    await untag(store, image, [canonicalText(name.digest === undefined ? name : digested)], lines);
    const left = store.catalog.referencesOf(image.id);
    const sameRepository = left.filter((text) => repositoryOf(parseImageName(text)) === repositoryOf(name));
    // A repository's digests mean nothing to a user once its last tag is gone.
    const orphans =
      name.digest === undefined && sameRepository.every((text) => parseImageName(text).digest !== undefined) ? sameRepository : [];
    if (orphans.length > 0) await untag(store, image, orphans, lines);
    if (left.length > orphans.length) return { lines, bytes: 0 };
    quiet = true;
  }
  const bytes = await deleteImage(store, image, lines, options, quiet);
  return { lines, bytes };
}

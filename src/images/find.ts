import { notFound } from "#base";
import type { Catalog, ImageRecord } from "./catalog.ts";
import { canonicalText, familiarText, type ImageName, parseImageName, withDefaultTag } from "./reference.ts";

const missing = (name: string) => notFound(`No such image: ${name}`, { code: "no-such-image", context: { reference: name } });

/** The hex digits of an id or id prefix, with or without `sha256:`. */
const idPrefix = (text: string): string | undefined => /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1];

/** True when the reference says the image by (a prefix of) its id, not by a name. */
export function isIdPrefixOf(id: string, reference: string): boolean {
  const prefix = idPrefix(reference);
  return prefix !== undefined && id.slice("sha256:".length).startsWith(prefix);
}

/** The image of a full id; deleted ones are not found. */
function byId(catalog: Catalog, id: string): ImageRecord | undefined {
  const image = catalog.images.get(id);
  return image?.removed ? undefined : image;
}

function byPrefix(catalog: Catalog, reference: string): ImageRecord | undefined {
  const prefix = idPrefix(reference);
  if (prefix === undefined) return undefined;
  const matches = [...catalog.images.values()].filter((image) => !image.removed && isIdPrefixOf(image.id, prefix));
  return matches.length === 1 ? matches[0] : undefined;
}

/** The image a canonical name stands for now. */
export function byName(catalog: Catalog, name: ImageName): ImageRecord | undefined {
  // With both, the digest counts (a tag may have moved since).
  const { tag: _, ...digested } = name;
  const id = catalog.references.get(canonicalText(name.digest === undefined ? withDefaultTag(name) : digested));
  return id === undefined ? undefined : byId(catalog, id);
}

/**
 * Docker's order: full id, then name, then unique id prefix. An ambiguous prefix is no image, as with dockerd.
 * @throws invalidParameter for a malformed name; notFound `No such image: x:latest`
 */
export function findImage(catalog: Catalog, reference: string): ImageRecord {
  const full = /^(?:sha256:)?([0-9a-f]{64})$/.exec(reference)?.[1];
  if (full !== undefined) {
    const image = byId(catalog, `sha256:${full}`);
    if (image === undefined) throw missing(`sha256:${full}`);
    return image;
  }
  const name = parseImageName(reference);
  const image = byName(catalog, name) ?? byPrefix(catalog, reference);
  if (image === undefined) throw missing(familiarText(withDefaultTag(name)));
  return image;
}

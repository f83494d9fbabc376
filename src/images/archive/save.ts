import { internal, invalid, notFound } from "#base";
import type { ImageRecord } from "../catalog.ts";
import { decompress } from "../compression.ts";
import { byName, findImage, isIdPrefixOf } from "../find.ts";
import { digestOf } from "../layers/layers.ts";
import { canonicalText, familiarRepository, familiarText, type ImageName, parseImageName, repositoryOf } from "../reference.ts";
import type { ImageStore } from "../store.ts";
import { encodeTarEntryHead, paddingOf, TAR_END, TarType, tarHeader } from "../tar/mod.ts";

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";

interface Saved {
  readonly image: ImageRecord;
  readonly names: ImageName[];
}

/** Which images, under which names: an id has none, a bare repository all its tags. @throws notFound */
function select(store: ImageStore, references: readonly string[]): readonly Saved[] {
  if (references.length === 0) throw invalid("no image to save was named", { code: "bad-reference" });
  const saved = new Map<string, Saved>();
  const add = (image: ImageRecord, name?: ImageName) => {
    const entry = saved.get(image.id) ?? { image, names: [] };
    saved.set(image.id, entry);
    if (name?.tag !== undefined && !entry.names.some((other) => canonicalText(other) === canonicalText(name))) entry.names.push(name);
  };
  for (const reference of references) {
    const name = /^(?:sha256:)?[0-9a-f]{64}$/.test(reference) ? undefined : parseImageName(reference);
    if (name !== undefined && name.tag === undefined && name.digest === undefined) {
      const tagged = [...store.catalog.references].flatMap(([text, id]) => {
        const other = parseImageName(text);
        return repositoryOf(other) === repositoryOf(name) && other.tag !== undefined ? [{ id, other }] : [];
      });
      for (const { id, other } of tagged) add(findImage(store.catalog, id), other);
      if (tagged.length > 0) continue;
    }
    const image = findImage(store.catalog, reference);
    const named = name !== undefined && byName(store.catalog, name)?.id === image.id;
    if (!named && !isIdPrefixOf(image.id, reference)) throw notFound(`No such image: ${reference}`, { code: "no-such-image" });
    add(image, named && name.digest === undefined ? name : undefined);
  }
  return [...saved.values()];
}

const blobPath = (digest: string) => `blobs/sha256/${digest.slice("sha256:".length)}`;

function* member(name: string, bytes: Uint8Array): Generator<Uint8Array> {
  yield encodeTarEntryHead(tarHeader({ name, type: TarType.file, size: bytes.length }));
  yield bytes;
  yield new Uint8Array(paddingOf(bytes.length));
}

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/**
 * `docker save`: one tar that is both docker's archive (manifest.json, repositories) and an OCI image layout, layers uncompressed, as dockerd 25 and
 * later write it; dockerd 20.10 loads it too.
 * @throws notFound before anything is written
 */
export function saveArchive(store: ImageStore, references: readonly string[]): AsyncIterable<Uint8Array> {
  const saved = select(store, references);
  return { [Symbol.asyncIterator]: () => write(store, saved) };
}

async function* write(store: ImageStore, saved: readonly Saved[]): AsyncGenerator<Uint8Array> {
  const diffIds = [...new Set(saved.flatMap(({ image }) => image.config.rootfs.diff_ids))];
  const unpin = diffIds.map((diffId) => store.pin(diffId));
  try {
    const configs = new Map<string, Buffer>();
    for (const { image } of saved) configs.set(image.id, await store.disk.readWhole(image.id));
    for (const name of ["blobs/", "blobs/sha256/"]) yield encodeTarEntryHead(tarHeader({ name, type: TarType.directory }));
    for (const diffId of diffIds) yield* layer(store, diffId);
    const index: unknown[] = [];
    const written = new Set<string>();
    for (const { image, names } of saved) {
      const bytes = configs.get(image.id)!;
      const manifest = text({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: { mediaType: OCI_CONFIG, digest: image.id, size: bytes.length },
        layers: image.config.rootfs.diff_ids.map((digest) => ({
          mediaType: OCI_LAYER,
          digest,
          size: store.catalog.layers.get(digest)?.tarSize ?? 0,
        })),
      });
      const digest = digestOf(manifest);
      for (const [path, content] of [
        [blobPath(image.id), bytes],
        [blobPath(digest), manifest],
      ] as const)
        if (!written.has(path)) {
          written.add(path);
          yield* member(path, content);
        }
      const descriptor = { mediaType: OCI_MANIFEST, digest, size: manifest.length };
      if (names.length === 0) index.push(descriptor);
      for (const name of names)
        index.push({
          ...descriptor,
          annotations: { "io.containerd.image.name": canonicalText(name), "org.opencontainers.image.ref.name": name.tag },
        });
    }
    yield* member("index.json", text({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: index }));
    yield* member("oci-layout", text({ imageLayoutVersion: "1.0.0" }));
    yield* member(
      "manifest.json",
      text(
        saved.map(({ image, names }) => ({
          Config: blobPath(image.id),
          RepoTags: names.length === 0 ? null : names.map(familiarText),
          Layers: image.config.rootfs.diff_ids.map(blobPath),
        })),
      ),
    );
    const repositories = repositoriesOf(saved);
    if (Object.keys(repositories).length > 0) yield* member("repositories", text(repositories));
    yield TAR_END;
    for (const { image } of saved) store.emit("save", image);
  } finally {
    for (const release of unpin) release();
    await store.exclusively(() => store.collect());
  }
}

/** The oldest layout's index: repository → tag → top layer. */
function repositoriesOf(saved: readonly Saved[]): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  for (const { image, names } of saved)
    for (const name of names) {
      const top = image.config.rootfs.diff_ids.at(-1);
      if (top !== undefined && name.tag !== undefined) (found[familiarRepository(name)] ??= {})[name.tag] = top.slice("sha256:".length);
    }
  return found;
}

async function* layer(store: ImageStore, diffId: string): AsyncGenerator<Uint8Array> {
  const record = store.catalog.layers.get(diffId);
  if (record === undefined) throw internal(`Cannot save image: its layer ${diffId} is not here`, { code: "layer-missing" });
  yield encodeTarEntryHead(tarHeader({ name: blobPath(diffId), type: TarType.file, size: record.tarSize }));
  let written = 0;
  for await (const chunk of (await decompress(store.disk.readBlob(record.blob.digest))).stream) {
    written += chunk.length;
    yield chunk;
  }
  if (written !== record.tarSize)
    throw internal(`Cannot save image: layer ${diffId} is ${written} bytes on disk, ${record.tarSize} were recorded`, {
      code: "layer-damaged",
    });
  yield new Uint8Array(paddingOf(written));
}

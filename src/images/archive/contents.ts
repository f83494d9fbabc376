import { invalid } from "#base";
import { hostArchitecture, isDigest } from "../config.ts";
import type { Spool, SpooledFile } from "./spool.ts";

/** What an archive holds of one image, whichever layout it has. */
export interface ArchivedImage {
  readonly config: Buffer;
  /** Bottom first. */
  readonly layers: readonly SpooledFile[];
  /** References as the archive spells them. */
  readonly names: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

const bad = (why: string) => invalid(`invalid archive: ${why}`, { code: "bad-archive" });
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const isStrings = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((item) => typeof item === "string");

async function json(spool: Spool, name: string, wanted: string): Promise<unknown> {
  const bytes = await spool.document(name, wanted);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw bad(`${name} is not JSON`);
  }
}

/** Reads `docker save`'s manifest.json, or else an OCI image layout (image-layout.md). @throws invalidParameter */
export async function archivedImages(spool: Spool): Promise<readonly ArchivedImage[]> {
  if (spool.has("manifest.json")) return await dockerImages(spool);
  if (spool.has("index.json")) return await layoutImages(spool);
  throw bad("it holds neither manifest.json (docker save) nor index.json (OCI image layout); a root filesystem is read by docker import");
}

async function dockerImages(spool: Spool): Promise<readonly ArchivedImage[]> {
  const entries = await json(spool, "manifest.json", "the archive");
  if (!Array.isArray(entries)) throw bad("manifest.json is not a list");
  const images: ArchivedImage[] = [];
  for (const entry of entries) {
    if (!isObject(entry) || typeof entry.Config !== "string" || !isStrings(entry.Layers ?? []) || !isStrings(entry.RepoTags ?? []))
      throw bad("an entry of manifest.json lacks Config, or its Layers or RepoTags are not lists of strings");
    images.push({
      config: await spool.document(entry.Config, "manifest.json"),
      layers: ((entry.Layers ?? []) as readonly string[]).map((name) => spool.file(name, "manifest.json")),
      names: (entry.RepoTags ?? []) as readonly string[],
    });
  }
  return images;
}

const blobName = (digest: unknown): string => {
  if (!isDigest(digest)) throw bad(`${JSON.stringify(digest)} is not a sha256 digest`);
  return `blobs/sha256/${digest.slice("sha256:".length)}`;
};

/** A blob whose bytes are what its name says. */
function blob(spool: Spool, descriptor: unknown, wanted: string): SpooledFile {
  if (!isObject(descriptor)) throw bad(`a descriptor in ${wanted} is not an object`);
  const file = spool.file(blobName(descriptor.digest), wanted);
  if (file.digest !== descriptor.digest) throw bad(`blob ${String(descriptor.digest)} has other content: ${file.digest}`);
  return file;
}

async function blobJson(spool: Spool, descriptor: Json, wanted: string): Promise<Json> {
  blob(spool, descriptor, wanted);
  const value = await json(spool, blobName(descriptor.digest), wanted);
  if (!isObject(value)) throw bad(`${String(descriptor.digest)} is not an object`);
  return value;
}

/** Deep enough for an index of indexes, and an end for a malicious one. */
const INDEX_DEPTH = 4;

async function layoutImages(spool: Spool): Promise<readonly ArchivedImage[]> {
  const index = await json(spool, "index.json", "the archive");
  if (!isObject(index) || !Array.isArray(index.manifests)) throw bad("index.json has no list of manifests");
  // One image saved under several names is a descriptor for each.
  const images = new Map<unknown, { image: ArchivedImage; names: Set<string> }>();
  for (const descriptor of index.manifests) {
    if (!isObject(descriptor)) throw bad("a descriptor in index.json is not an object");
    const known = images.get(descriptor.digest) ?? {
      image: await manifestImage(spool, descriptor, "index.json", INDEX_DEPTH),
      names: new Set<string>(),
    };
    if (known.image === undefined) continue;
    const name = annotatedName(descriptor);
    if (name !== undefined) known.names.add(name);
    images.set(descriptor.digest, { image: known.image, names: known.names });
  }
  return [...images.values()].map(({ image, names }) => ({ ...image, names: [...names] }));
}

function annotatedName(descriptor: Json): string | undefined {
  const annotations = isObject(descriptor.annotations) ? descriptor.annotations : {};
  const full = annotations["io.containerd.image.name"];
  if (typeof full === "string" && full !== "") return full;
  // OCI says what this means is the tool's affair: some write `name:tag`, some the tag alone, which names nothing here.
  const short = annotations["org.opencontainers.image.ref.name"];
  return typeof short === "string" && /[:/]/.test(short) ? short : undefined;
}

async function manifestImage(spool: Spool, descriptor: Json, wanted: string, depth: number): Promise<ArchivedImage | undefined> {
  const manifest = await blobJson(spool, descriptor, wanted);
  const self = String(descriptor.digest);
  if (Array.isArray(manifest.manifests)) {
    if (depth === 0) throw bad("its indexes are nested too deep");
    const choice = choosePlatform(manifest.manifests.filter(isObject), spool);
    if (choice === undefined) throw bad(`it holds no image for linux/${hostArchitecture()}`);
    return await manifestImage(spool, choice, self, depth - 1);
  }
  const { config, layers } = manifest;
  if (!isObject(config)) throw bad(`manifest ${self} has no config`);
  if (!Array.isArray(layers)) throw bad(`manifest ${self} has no list of layers`);
  // Artifacts (signatures, attestations) share the layout and are no images.
  if (typeof config.mediaType === "string" && !/(image\.v1|image\.config\.v1|container\.image\.v1)\+json$/.test(config.mediaType))
    return undefined;
  blob(spool, config, self);
  return {
    config: await spool.document(blobName(config.digest), self),
    layers: layers.map((layer) => blob(spool, layer, self)),
    names: [],
  };
}

/** The manifest for this machine; failing that, the only one that is here. */
function choosePlatform(manifests: readonly Json[], spool: Spool): Json | undefined {
  const present = manifests.filter((entry) => isDigest(entry.digest) && spool.has(blobName(entry.digest)));
  const of = (entry: Json): Json => (isObject(entry.platform) ? entry.platform : {});
  const real = present.filter((entry) => of(entry).os !== "unknown");
  return (
    real.find((entry) => of(entry).os === "linux" && of(entry).architecture === hostArchitecture()) ??
    (real.length === 1 ? real[0] : undefined)
  );
}

import type { Delete, Put, Store } from "#store";
import type { ImageConfig } from "./config.ts";
import { digestOf, type LayerRecord } from "./layers/layers.ts";

/** An image as it is recorded. */
export interface ImageRecord {
  readonly id: string;
  readonly config: ImageConfig;
  /** The image it was committed from here. Not of the config: an image that came from elsewhere has no parent. */
  readonly parent?: string;
  /** RFC 3339; absent when never tagged. */
  readonly lastTagTime?: string;
  /** Deleted by force while containers hold it: not shown any more, kept until they are gone. */
  readonly removed?: boolean;
}

interface ReferenceRecord {
  readonly image: string;
}

const IMAGE = "image/config/";
const LAYER = "image/layer/";
const REFERENCE = "reference/";

const hexOf = (digest: string) => digest.slice("sha256:".length);

/** The names of layer stacks (OCI image spec, config.md "Layer ChainID"), one for each height, bottom first. */
export function chainIds(diffIds: readonly string[]): readonly string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) chain.push(chain.length === 0 ? diffId : digestOf(`${chain.at(-1)} ${diffId}`));
  return chain;
}

/** A change of the catalog: committed as one transaction, then shown. */
export interface CatalogChange {
  readonly images?: readonly ImageRecord[];
  readonly dropImages?: readonly string[];
  readonly layers?: readonly LayerRecord[];
  readonly dropLayers?: readonly string[];
  /** Canonical reference text → image id; undefined takes it away. */
  readonly references?: ReadonlyMap<string, string | undefined>;
}

/** Every record of the image store, in memory; the store underneath has the same after each {@link commit}. */
export class Catalog {
  readonly #store: Store;
  readonly images = new Map<string, ImageRecord>();
  readonly layers = new Map<string, LayerRecord>();
  /** Canonical reference text → image id. */
  readonly references = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  async open(): Promise<void> {
    for (const { value } of await this.#store.list<LayerRecord>(LAYER)) this.layers.set(value.diffId, value);
    for (const { value } of await this.#store.list<ImageRecord>(IMAGE)) this.images.set(value.id, value);
    for (const { key, value } of await this.#store.list<ReferenceRecord>(REFERENCE))
      this.references.set(key.slice(REFERENCE.length), value.image);
  }

  async commit(change: CatalogChange): Promise<void> {
    const put = (key: string, value: unknown): Put => ({ op: "put", key, value });
    const drop = (key: string): Delete => ({ op: "delete", key });
    const operations = [
      ...(change.layers ?? []).map((layer) => put(LAYER + hexOf(layer.diffId), layer)),
      ...(change.images ?? []).map((image) => put(IMAGE + hexOf(image.id), image)),
      ...(change.dropImages ?? []).map((id) => drop(IMAGE + hexOf(id))),
      ...(change.dropLayers ?? []).map((diffId) => drop(LAYER + hexOf(diffId))),
      ...[...(change.references ?? [])].map(([text, image]) =>
        image === undefined ? drop(REFERENCE + text) : put(REFERENCE + text, { image }),
      ),
    ];
    if (operations.length > 0) await this.#store.commit(operations);
    for (const layer of change.layers ?? []) this.layers.set(layer.diffId, layer);
    for (const image of change.images ?? []) this.images.set(image.id, image);
    for (const id of change.dropImages ?? []) this.images.delete(id);
    for (const diffId of change.dropLayers ?? []) this.layers.delete(diffId);
    for (const [text, image] of change.references ?? []) {
      if (image === undefined) this.references.delete(text);
      else this.references.set(text, image);
    }
  }

  /** Canonical reference texts of an image, sorted. */
  referencesOf(id: string): readonly string[] {
    return [...this.references].flatMap(([text, image]) => (image === id ? [text] : [])).sort();
  }

  /** Images built from this one. */
  childrenOf(id: string): readonly ImageRecord[] {
    return [...this.images.values()].filter((image) => image.parent === id && !image.removed);
  }
}

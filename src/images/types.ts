/** Public shapes of `images`. Digests are `sha256:<64 hex>`; an image's id is the digest of its config (OCI image spec). */

/** The `config` object of an OCI image config, Docker's field names. */
export interface ImageRunConfig {
  readonly Hostname?: string;
  readonly Domainname?: string;
  readonly User?: string;
  readonly Env?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly Healthcheck?: unknown;
  readonly Shell?: readonly string[] | null;
}

export interface ImageView {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly created: string;
  readonly architecture: string;
  readonly os: string;
  readonly author: string;
  readonly comment: string;
  readonly config: ImageRunConfig;
  readonly history: readonly unknown[];
  /** diffIDs, bottom first. */
  readonly layers: readonly string[];
  /** Bytes of all unpacked layers. */
  readonly size: number;
  /** Id of the image it was built from here; "" for none. */
  readonly parent: string;
  readonly dockerVersion: string;
  readonly variant?: string;
  readonly osVersion?: string;
  /** The config of the container it was committed from. */
  readonly containerConfig?: ImageRunConfig;
  /** RFC 3339. */
  readonly lastTagTime?: string;
}

/** One line of `docker history`. */
export interface ImageHistoryLine {
  readonly Id: string;
  /** Seconds since the epoch. */
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

/** A line of what a removal did. */
export type RemovedImage = { Untagged: string } | { Deleted: string };

/** import, load, save, tag, untag or delete; `attributes` are the image's labels and its `name`. */
export interface ImageEvent {
  readonly action: string;
  readonly id: string;
  readonly attributes: Record<string, string>;
}

/** `docker commit`: `layer` is an OCI layer tar, as `diffTar(upperDirectory)` gives it. */
export interface CommitOptions {
  /** The image the container was made from. */
  readonly parent?: string;
  readonly layer: AsyncIterable<Uint8Array>;
  readonly config: ImageRunConfig;
  readonly containerConfig?: ImageRunConfig;
  readonly author?: string;
  readonly comment?: string;
  /** The command line history shows. */
  readonly createdBy?: string;
  readonly changes?: readonly string[];
  readonly repository?: string;
  readonly tag?: string;
}

/** A line of progress as Docker's JSON stream has it. */
export interface Progress {
  readonly id?: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
}

export interface Images {
  /** By id, unique id prefix, `name`, `name:tag` or `name@digest`. @throws notFound `No such image: X` */
  find(reference: string): ImageView;
  list(): readonly ImageView[];
  tag(source: string, target: string): Promise<void>;
  /** Untags or deletes; `inUse` names the containers that hold an image id. @returns Docker's [{Untagged}|{Deleted}] lines */
  remove(
    reference: string,
    options: { force: boolean; noPrune: boolean; inUse(imageId: string): readonly { id: string; running: boolean }[] },
  ): Promise<readonly RemovedImage[]>;
  /** A tar of a root filesystem becomes an image of one layer (`docker import`). @returns its id */
  importTar(
    tar: AsyncIterable<Uint8Array>,
    options: { repository?: string; tag?: string; message?: string; changes?: readonly string[] },
  ): Promise<string>;
  /** An image of a parent's layers and one more. @returns its id */
  commit(options: CommitOptions): Promise<string>;
  /** A `docker save` archive (or OCI layout). @returns lines as `Loaded image: x:latest` */
  load(tar: AsyncIterable<Uint8Array>, onProgress: (progress: Progress) => void): Promise<readonly string[]>;
  save(references: readonly string[]): Promise<AsyncIterable<Uint8Array>>;
  history(reference: string): readonly ImageHistoryLine[];
  /** Unpacked layer directories, topmost first, as overlayfs `lowerdir=` wants them. */
  lowerDirs(imageId: string): readonly string[];
  prune(options: {
    all: boolean;
    inUse: ReadonlySet<string>;
    /** Further conditions, as the `until` and `label` filters. */
    matches?(image: ImageView): boolean;
  }): Promise<{ deleted: readonly RemovedImage[]; bytes: number }>;
  /** Frees images that were removed by force while containers held them; call it after a container is gone. `inUse` are the image ids still held. */
  release(inUse: ReadonlySet<string>): Promise<void>;
  onEvent(listener: (event: ImageEvent) => void): () => void;
}

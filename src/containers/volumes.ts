import { chmodSync, chownSync, existsSync, lutimesSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { chmod, copyFile, lchown, lstat, mkdir, readdir, readlink, rm, symlink, utimes } from "node:fs/promises";
import { conflict, invalid, type Log, newId, notFound } from "#base";
import type { Store } from "#store";
import { nowText } from "./record.ts";

/** A local volume: a directory `<data-root>/volumes/<name>/_data`. */
export interface VolumeRecord {
  readonly name: string;
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>> | null;
  /** Made for a container, not by name. */
  readonly anonymous: boolean;
}

export interface VolumeView extends VolumeRecord {
  readonly driver: "local";
  readonly mountpoint: string;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const keyOf = (name: string): string => `volume/${name}`;

/** The named and anonymous volumes of this host. Their use by containers is the caller's knowledge. */
export class Volumes {
  readonly #root: string;
  readonly #store: Store;
  readonly #log: Log;
  readonly #volumes = new Map<string, VolumeRecord>();

  constructor(options: { root: string; store: Store; log: Log }) {
    this.#root = options.root;
    this.#store = options.store;
    this.#log = options.log;
  }

  async open(): Promise<void> {
    mkdirSync(this.#root, { recursive: true, mode: 0o701 });
    for (const { value } of await this.#store.list<VolumeRecord>("volume/")) {
      this.#volumes.set(value.name, value);
      mkdirSync(this.path(value.name), { recursive: true });
    }
    // A directory without a record is a create that died before its commit, or a removal that died after it.
    for (const name of readdirSync(this.#root)) {
      if (this.#volumes.has(name)) continue;
      this.#log.warn("Removing a volume directory that no record names", { volume: name });
      rmSync(`${this.#root}/${name}`, { recursive: true, force: true });
    }
  }

  path(name: string): string {
    return `${this.#root}/${name}/_data`;
  }

  has(name: string): boolean {
    return this.#volumes.has(name);
  }

  list(): readonly VolumeView[] {
    return [...this.#volumes.values()].map((record) => this.#view(record));
  }

  /** @throws notFound in Docker's words */
  find(name: string): VolumeView {
    const record = this.#volumes.get(name);
    if (!record) throw notFound(`get ${name}: no such volume`, { code: "no-such-volume", context: { name } });
    return this.#view(record);
  }

  /** Creates, or gives the one there is. Without a name: an anonymous volume. @throws invalidParameter for a bad name or driver */
  async create(request: {
    name?: string;
    driver?: string;
    labels?: Readonly<Record<string, string>>;
    options?: Readonly<Record<string, string>>;
    anonymous?: boolean;
  }): Promise<VolumeView> {
    const name = request.name || newId();
    if (request.driver && request.driver !== "local")
      throw notFound(`create ${name}: error looking up volume plugin ${request.driver}: plugin "${request.driver}" not found`, {
        code: "no-volume-driver",
      });
    checkVolumeName(name);
    const existing = this.#volumes.get(name);
    if (existing) return this.#view(existing);
    if (request.options && Object.keys(request.options).length > 0)
      throw invalid(
        `create ${name}: volume options ${Object.keys(request.options).join(", ")} are not supported by the local driver here`,
        {
          code: "volume-options",
        },
      );
    const record: VolumeRecord = {
      name,
      created: nowText(),
      labels: request.labels ?? {},
      options: null,
      anonymous: request.anonymous ?? !request.name,
    };
    this.#volumes.set(name, record);
    try {
      await this.#store.commit([{ op: "put", key: keyOf(name), value: record }]);
      mkdirSync(this.path(name), { recursive: true, mode: 0o755 });
    } catch (error) {
      this.#volumes.delete(name);
      throw error;
    }
    return this.#view(record);
  }

  /** @param users containers that mount it */
  async remove(name: string, users: readonly string[], force = false): Promise<void> {
    if (!this.#volumes.has(name)) {
      if (force) return;
      this.find(name);
    }
    if (users.length > 0)
      throw conflict(`remove ${name}: volume is in use - [${users.join(", ")}]`, { code: "volume-in-use", context: { name, users } });
    this.#volumes.delete(name);
    await this.#store.commit([{ op: "delete", key: keyOf(name) }]);
    await rm(`${this.#root}/${name}`, { recursive: true, force: true });
  }

  #view(record: VolumeRecord): VolumeView {
    return { ...record, driver: "local", mountpoint: this.path(record.name) };
  }
}

/** @throws invalidParameter in Docker's words */
export function checkVolumeName(name: string): void {
  if (!NAME.test(name))
    throw invalid(
      `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      { code: "bad-volume-name", context: { name } },
    );
}

/** Fills an empty directory with another's content: owners, modes, times and links kept; the root's own owner and mode as well. */
export async function copyUp(source: string, target: string): Promise<void> {
  if (!existsSync(source) || readdirSync(target).length > 0) return;
  const stat = await lstat(source);
  if (!stat.isDirectory()) return;
  await copyTree(source, target);
  chownSync(target, stat.uid, stat.gid);
  chmodSync(target, stat.mode & 0o7777);
}

async function copyTree(source: string, target: string): Promise<void> {
  for (const name of await readdir(source)) {
    const [from, to] = [`${source}/${name}`, `${target}/${name}`];
    const stat = await lstat(from);
    if (stat.isDirectory()) {
      await mkdir(to);
      await copyTree(from, to);
    } else if (stat.isSymbolicLink()) await symlink(await readlink(from), to);
    else if (stat.isFile()) await copyFile(from, to);
    else continue;
    await lchown(to, stat.uid, stat.gid);
    if (stat.isSymbolicLink()) lutimesSync(to, stat.atime, stat.mtime);
    else {
      await chmod(to, stat.mode & 0o7777);
      await utimes(to, stat.atime, stat.mtime);
    }
  }
}

/** Bytes a tree takes; links and devices count nothing. */
export async function treeSize(root: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    const path = `${root}/${entry.name}`;
    if (entry.isDirectory()) bytes += await treeSize(path);
    else if (entry.isFile()) bytes += (await lstat(path)).size;
  }
  return bytes;
}

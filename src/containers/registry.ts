import { invalid, type Log, messageOf } from "#base";
import type { Poller } from "#kernel/ffi";
import type { Store } from "#store";
import { Container, type ContainerPaths } from "./container.ts";
import { noSuchContainer } from "./errors.ts";
import { nameTaken } from "./names.ts";
import { type ContainerRecord, recordKey } from "./record.ts";

/** All containers by id and by name, and their records in the store. The one owner of both. */
export class Registry {
  readonly #store: Store;
  readonly #poller: Poller;
  readonly #log: Log;
  readonly #roots: { dataRoot: string; execRoot: string };
  readonly #containers = new Map<string, Container>();
  /** name → id; a name is taken here before its container is on disk. */
  readonly #names = new Map<string, string>();

  constructor({ store, poller, log, ...roots }: { store: Store; poller: Poller; log: Log; dataRoot: string; execRoot: string }) {
    this.#store = store;
    this.#poller = poller;
    this.#log = log;
    this.#roots = roots;
  }

  pathsOf(id: string): ContainerPaths {
    const directory = `${this.#roots.dataRoot}/containers/${id}`;
    return { directory, bundle: `${this.#roots.execRoot}/containers/${id}`, log: `${directory}/${id}.log` };
  }

  async load(): Promise<void> {
    for (const { value } of await this.#store.list<ContainerRecord>("container/")) {
      this.#containers.set(value.id, new Container(value, this.pathsOf(value.id), this.#poller));
      this.#names.set(value.name, value.id);
    }
  }

  all(): Container[] {
    return [...this.#containers.values()];
  }

  get(id: string): Container | undefined {
    return this.#containers.get(id);
  }

  nameHolder(name: string): string | undefined {
    return this.#names.get(name);
  }

  /** @throws conflict when another container has the name */
  reserveName(name: string, id: string): void {
    const holder = this.#names.get(name);
    if (holder !== undefined && holder !== id) throw nameTaken(name, holder);
    this.#names.set(name, id);
  }

  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }

  /** By full id, name (with or without Docker's slash) or unique id prefix. @throws notFound, invalidParameter when ambiguous */
  find(reference: string): Container {
    const direct = this.#containers.get(reference) ?? this.#containers.get(this.#names.get(reference.replace(/^\//, "")) ?? "");
    if (direct) return direct;
    if (/^[0-9a-f]+$/.test(reference)) {
      const matches = this.all().filter(({ id }) => id.startsWith(reference));
      if (matches.length === 1) return matches[0]!;
      if (matches.length > 1)
        throw invalid(`Multiple IDs found with provided prefix: ${reference}`, {
          code: "ambiguous-id",
          context: { reference, matches: matches.length },
        });
    }
    throw noSuchContainer(reference);
  }

  /** Before anything of a container is made: a daemon that dies half way finds it and takes it back. */
  async intend(record: ContainerRecord): Promise<void> {
    await this.#store.commit([{ op: "put", key: recordKey(record.id), value: { ...record, removing: true }, expect: 0 }]);
  }

  /** The create failed and nothing is left of it. */
  async withdraw(id: string): Promise<void> {
    await this.#store.commit([{ op: "delete", key: recordKey(id) }]);
  }

  async add(record: ContainerRecord): Promise<Container> {
    await this.#store.commit([{ op: "put", key: recordKey(record.id), value: record }]);
    const container = new Container(record, this.pathsOf(record.id), this.#poller);
    this.#containers.set(record.id, container);
    return container;
  }

  /** Changes the record, in memory once it is on disk. */
  async save(container: Container, change: Partial<ContainerRecord>): Promise<void> {
    const record = { ...container.record, ...change };
    await this.#store.commit([{ op: "put", key: recordKey(record.id), value: record }]);
    // A save that was under way with older facts must not bring them back.
    container.record = { ...container.record, ...change };
  }

  /**
   * What has happened, or must happen whatever the disk says: a full one must not keep containers from being stopped and removed. Memory has the
   * change in any case; a start that does not find it written sees for itself.
   */
  async note(container: Container, change: Partial<ContainerRecord>): Promise<void> {
    try {
      await this.save(container, change);
    } catch (error) {
      container.record = { ...container.record, ...change };
      this.#log.error("A container's record could not be written", { container: container.id, error: messageOf(error) });
    }
  }

  async forget(container: Container): Promise<void> {
    await this.#store.commit([{ op: "delete", key: recordKey(container.id) }]);
    this.#containers.delete(container.id);
    this.releaseName(container.record.name, container.id);
  }
}

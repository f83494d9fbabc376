import { listNamespaces, namespaceExists, pinNamespace, removeNamespace, removeNamespaceDirectory } from "#kernel/netns";
import { SpareNamespaces } from "./spare-namespaces.ts";

/** The network namespaces of sandboxes, as files of one directory. */
export class SandboxNamespaces {
  readonly #directory: string;
  readonly #spares = new SpareNamespaces();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new namespace whose lo is up and whose links have no IPv6 until they are given it. @throws SystemError EEXIST */
  create(path: string): void {
    using namespace = this.#spares.take();
    pinNamespace(namespace, path);
  }

  remove(path: string): void {
    removeNamespace(path);
  }

  exists(path: string): boolean {
    return namespaceExists(path);
  }

  /** Lets go of the directory and its mount when no namespace is left in it. */
  close(): void {
    this.#spares[Symbol.dispose]();
    if (this.list().length === 0) removeNamespaceDirectory(this.#directory);
  }

  list(): readonly string[] {
    return listNamespaces(this.#directory).map(({ path }) => path);
  }
}

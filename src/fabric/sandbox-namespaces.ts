import { createNamespace, listNamespaces, namespaceExists, removeNamespace, removeNamespaceDirectory } from "#kernel/netns";
import { encodeSetLink, RouteSocket } from "#kernel/rtnetlink";

/** The network namespaces of sandboxes, as files of one directory. */
export class SandboxNamespaces {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new namespace whose lo is up, so that 127.0.0.0/8 can be bound at once. */
  create(path: string): void {
    createNamespace(path);
    try {
      using socket = RouteSocket.open(path);
      socket.request(encodeSetLink({ name: "lo", up: true }));
    } catch (error) {
      removeNamespace(path);
      throw error;
    }
  }

  remove(path: string): void {
    removeNamespace(path);
  }

  exists(path: string): boolean {
    return namespaceExists(path);
  }

  /** Lets go of the directory and its mount when no namespace is left in it. */
  close(): void {
    if (this.list().length === 0) removeNamespaceDirectory(this.#directory);
  }

  list(): readonly string[] {
    return listNamespaces(this.#directory).map(({ path }) => path);
  }
}

import { type NamespaceHandle, newNamespace } from "#kernel/netns";
import { encodeSetLink, RouteSocket } from "#kernel/rtnetlink";
import { writeSysctl } from "./sysctl.ts";

export interface SpareOptions {
  /** Namespaces to have ready. */
  readonly count?: number;
  /** Milliseconds from the last one taken until more are made: the start it was taken for comes first. */
  readonly delay?: number;
}

/**
 * Network namespaces made while nothing else is to do: one costs as much as the rest of a sandbox. They hang on descriptors of this process alone, so
 * they end with it in whatever way it ends, and are nobody's to sweep: docs/decisions/077-spare-namespaces.md.
 */
export class SpareNamespaces implements Disposable {
  readonly #count: number;
  readonly #delay: number;
  readonly #spares: NamespaceHandle[] = [];
  #refill: NodeJS.Timeout | undefined;

  constructor({ count = 2, delay = 40 }: SpareOptions = {}) {
    this.#count = count;
    this.#delay = delay;
  }

  /** How many are ready. */
  get size(): number {
    return this.#spares.length;
  }

  /** A namespace for a sandbox, the caller's from now on. @throws SystemError EPERM without CAP_SYS_ADMIN */
  take(): NamespaceHandle {
    const namespace = this.#spares.pop() ?? readyNamespace();
    this.#refillLater();
    return namespace;
  }

  #refillLater(): void {
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.#makeOne(), this.#delay).unref();
  }

  /** One at a time: whatever else wants the thread has its turn between two. */
  #makeOne(): void {
    try {
      this.#spares.push(readyNamespace());
    } catch {
      // Whoever takes the next one is told.
      return;
    }
    if (this.#spares.length < this.#count) this.#refillLater();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#refill);
    for (const spare of this.#spares.splice(0)) spare.close();
  }
}

/** A namespace whose lo is up, so that 127.0.0.0/8 can be bound at once, and whose links have no IPv6 until they are given it, as in Docker's. */
function readyNamespace(): NamespaceHandle {
  const namespace = newNamespace("sandbox");
  try {
    using socket = RouteSocket.open(namespace);
    socket.request(encodeSetLink({ name: "lo", up: true }));
    writeSysctl({ type: "sysctl", ns: "sandbox", key: "net/ipv6/conf/default/disable_ipv6", value: "1", optional: true }, namespace);
    return namespace;
  } catch (error) {
    namespace.close();
    throw error;
  }
}

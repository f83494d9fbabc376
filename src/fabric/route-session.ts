import { HOST } from "#base";
import { Errno, interfaceIndex, isErrno } from "#kernel/ffi";
import type { NetlinkError, NetlinkRequest } from "#kernel/netlink";
import { enter, NamespaceHandle, namespaceExists } from "#kernel/netns";
import type { RouteSocket } from "#kernel/rtnetlink";
import type { Operation } from "./diff.ts";
import type { RunResult } from "./executor.ts";
import type { LinkRemover } from "./link-removal.ts";
import { noSuchLink, type Resolver, requestsOf } from "./route-requests.ts";
import type { LinkItem } from "./types.ts";

/**
 * Route operations of one namespace, sent in as few batches as names allow: a name that a request of the same batch makes can only be resolved after
 * that batch was sent.
 */
export class RouteSession implements Resolver, Disposable {
  readonly #ns: string;
  readonly #remover: LinkRemover;
  readonly #socket: RouteSocket;
  readonly #indexes = new Map<string, number>();
  readonly #handles = new Map<string, NamespaceHandle>();
  readonly #pending: { operation: Operation; requests: NetlinkRequest[] }[] = [];
  readonly #done: Operation[] = [];
  #failure: RunResult["failure"];

  /** @param socket of the namespace, which stays the caller's */
  constructor(ns: string, socket: RouteSocket, remover: LinkRemover) {
    this.#ns = ns;
    this.#remover = remover;
    this.#socket = socket;
  }

  index(name: string): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    if (this.#pending.length > 0) this.#flush();
    // By ioctl: netlink's answer waits for whoever holds the kernel's configuration lock.
    const index = enter(this.#ns, () => interfaceIndex(name));
    if (index === 0) throw noSuchLink(name, this.#ns);
    this.#indexes.set(name, index);
    return index;
  }

  namespace(ns: string): { readonly fd: number } {
    let handle = this.#handles.get(ns);
    if (!handle) {
      handle = NamespaceHandle.at(ns === "host" ? "/proc/self/ns/net" : ns);
      this.#handles.set(ns, handle);
    }
    return handle;
  }

  run(operations: readonly Operation[]): RunResult {
    for (const operation of operations) {
      try {
        if (operation.action === "delete" && operation.before.type === "link") {
          this.#removeLink(operation, operation.before);
          if (this.#failure) break;
          continue;
        }
        const requests = requestsOf(operation, this.#ns, this);
        // To find an index, what comes before may have been sent, and refused.
        if (!this.#failure) this.#pending.push({ operation, requests });
      } catch (error) {
        if (operation.action === "delete" && this.#isGone(error)) this.#done.push(operation);
        else this.#failure ??= { operation, error };
      }
      if (this.#failure) break;
    }
    this.#flush();
    return this.#failure ? { done: this.#done, failure: this.#failure } : { done: this.#done };
  }

  #removeLink(operation: Operation, { name, data }: LinkItem): void {
    this.#flush();
    if (this.#failure) return;
    this.#remover.remove(name, this.#ns, data.kind === "veth" && data.peer.ns !== HOST && !namespaceExists(data.peer.ns));
    this.#indexes.delete(name);
    this.#done.push(operation);
  }

  #flush(): void {
    const batch = this.#pending.splice(0);
    const answers = this.#send(batch);
    for (const { operation, requests } of batch) {
      const results = answers.splice(0, requests.length);
      const error = results.find((result) => result !== undefined && !tolerable(operation, result));
      if (error) this.#failure ??= { operation, error };
      // A link that was made, and whose other settings were refused, has to be undone like one that is whole.
      if (results.length === 0 || results.some((result) => result === undefined || tolerable(operation, result)))
        this.#done.push(operation);
    }
  }

  /** One answer a request. When the conversation itself breaks off, nobody knows what was done: then all counts as done, and the first as failed. */
  #send(batch: readonly { operation: Operation; requests: NetlinkRequest[] }[]): (NetlinkError | undefined)[] {
    const requests = batch.flatMap((each) => each.requests);
    try {
      return this.#socket.batch(requests);
    } catch (error) {
      this.#failure ??= { operation: batch[0]!.operation, error };
      return requests.map(() => undefined);
    }
  }

  #isGone(error: unknown): boolean {
    return (error as { code?: string }).code === "no-such-link";
  }

  [Symbol.dispose](): void {
    for (const handle of this.#handles.values()) handle.close();
  }
}

const GONE = [Errno.ENODEV, Errno.ENOENT, Errno.ESRCH, Errno.EADDRNOTAVAIL];

/** What is gone already need not be deleted; an address or rule that is there already need not be added. */
function tolerable(operation: Operation, error: unknown): boolean {
  if (operation.action === "delete") return GONE.some((errno) => isErrno(error, errno));
  return (operation.item.type === "address" || operation.item.type === "rule") && isErrno(error, Errno.EEXIST);
}

import type { Family } from "#base";
import {
  Errno,
  isErrno,
  KernelTransport,
  type NamespaceHandle,
  NETLINK_ROUTE,
  type NetlinkError,
  type NetlinkRequest,
  NetlinkSocket,
  type Transport,
} from "#kernel/netlink";
import { type Address, decodeAddress, encodeDumpAddresses } from "./address.ts";
import { decodeFdb, encodeDumpFdb, type FdbEntry } from "./fdb.ts";
import { decodeLink, encodeDumpLinks, encodeGetLink, type Link, type LinkFilter } from "./link.ts";
import { decodeNamespaceId, encodeGetNamespaceId } from "./namespace-id.ts";
import { decodeNeighbour, encodeDumpNeighbours, type Neighbour } from "./neighbour.ts";
import { decodeRoute, encodeDumpRoutes, encodeGetRoute, type Route } from "./route.ts";
import { decodeRule, encodeDumpRules, type Rule } from "./rule.ts";

/** rtnetlink of one namespace: what is there, and requests made by the `encode…` functions. */
export class RouteSocket implements Disposable {
  readonly netlink: NetlinkSocket;

  constructor(transport: Transport) {
    this.netlink = new NetlinkSocket(transport);
  }

  /** @throws SystemError when the namespace is not there */
  static open(namespace?: string | NamespaceHandle): RouteSocket {
    return new RouteSocket(new KernelTransport({ protocol: NETLINK_ROUTE, ...(namespace !== undefined && { namespace }) }));
  }

  links(filter?: LinkFilter): Link[] {
    return this.netlink.dump(encodeDumpLinks(filter)).map((message) => decodeLink(message.payload, { stats: filter?.stats ?? false }));
  }

  /** One link by name or index; undefined when there is none. @throws NetlinkError for any other refusal */
  link(which: string | number, options?: { readonly stats?: boolean }): Link | undefined {
    try {
      const key = typeof which === "string" ? { name: which } : { index: which };
      const answer = this.netlink.request(encodeGetLink(key, options?.stats))[0];
      return answer && decodeLink(answer.payload, options);
    } catch (error) {
      if (isErrno(error, Errno.ENODEV)) return undefined;
      throw error;
    }
  }

  /** The index of a link; undefined when there is none. */
  indexOf(name: string): number | undefined {
    return this.link(name)?.index;
  }

  addresses(filter?: { readonly family?: Family; readonly index?: number }): Address[] {
    return this.#all(encodeDumpAddresses(filter), decodeAddress);
  }

  routes(filter?: { readonly family?: Family; readonly table?: number }): Route[] {
    try {
      return this.#all(encodeDumpRoutes(filter), decodeRoute);
    } catch (error) {
      // A table that nobody has put a route in does not exist.
      if (isErrno(error, Errno.ENOENT) && filter?.table !== undefined) return [];
      throw error;
    }
  }

  /** Which route a packet to `address` takes. @throws NetlinkError ENETUNREACH when there is none */
  routeTo(address: string, options?: { readonly source?: string; readonly index?: number }): Route {
    const answer = this.netlink.request(encodeGetRoute(address, options))[0];
    return decodeRoute(answer!.payload)!;
  }

  neighbours(filter?: { readonly family?: Family; readonly index?: number }): Neighbour[] {
    return this.#all(encodeDumpNeighbours(filter), decodeNeighbour);
  }

  fdb(filter?: { readonly index?: number; readonly master?: number }): FdbEntry[] {
    return this.#all(encodeDumpFdb(filter), decodeFdb);
  }

  rules(family?: Family): Rule[] {
    const families: Family[] = family === undefined ? [4, 6] : [family];
    return families.flatMap((each) => this.#all(encodeDumpRules(each), decodeRule));
  }

  /** The number this namespace has for another; undefined when it has none. */
  namespaceId(namespace: { readonly fd: number }): number | undefined {
    const answer = this.netlink.request(encodeGetNamespaceId(namespace))[0];
    return answer && decodeNamespaceId(answer.payload);
  }

  /** @throws NetlinkError */
  request(request: NetlinkRequest): void {
    this.netlink.request(request);
  }

  /** Many requests in one send; one result each, in order. */
  batch(requests: readonly NetlinkRequest[]): (NetlinkError | undefined)[] {
    return this.netlink.batch(requests);
  }

  #all<T>(request: NetlinkRequest, decode: (payload: Uint8Array) => T | undefined): T[] {
    const found: T[] = [];
    for (const message of this.netlink.dump(request)) {
      const item = decode(message.payload);
      if (item !== undefined) found.push(item);
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.netlink[Symbol.dispose]();
  }
}

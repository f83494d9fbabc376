import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { ALIAS_PREFIX, HOST } from "#base";
import { type Link, RouteSocket } from "#kernel/rtnetlink";

/** IFNAMSIZ of linux/if.h, without the NUL. */
const MAX_NAME = 15;
/** Types of routes that come with an address, of one station or many: they tell nothing that its subnet's does not. */
const DERIVED: ReadonlySet<unknown> = new Set(["broadcast", "anycast", "multicast"]);

/** A link of the host's as drivers see it; the shape is theirs. */
export interface ObservedLink {
  readonly name: string;
  readonly index: number;
  readonly kind?: string;
  readonly mac?: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly alias?: string;
  readonly parentIndex?: number;
  readonly masterIndex?: number;
  readonly wireless: boolean;
  readonly carrier: boolean;
  readonly promiscuous: boolean;
  readonly driver: string | undefined;
  readonly virtualFunction: boolean;
  readonly addresses: readonly string[];
}

/** The name of the kernel driver behind a link, from its device's symbolic link in sysfs. */
function driverOf(name: string): string | undefined {
  try {
    return basename(readlinkSync(`/sys/class/net/${name}/device/driver`));
  } catch {
    return undefined;
  }
}

/** Reads what drivers and pool choice need to know of the host's namespace. One socket for the daemon's life. */
export class HostObserver implements Disposable {
  #socket: RouteSocket | undefined;

  get #route(): RouteSocket {
    return (this.#socket ??= RouteSocket.open(HOST));
  }

  link(name: string): ObservedLink | undefined {
    // The kernel would say ERANGE where the answer is that there can be no such link.
    if (Buffer.byteLength(name) > MAX_NAME) return undefined;
    const link = this.#route.link(name);
    return link && this.#observed(link);
  }

  links(): readonly ObservedLink[] {
    return this.#route.links().map((link) => this.#observed(link));
  }

  #observed(link: Link): ObservedLink {
    const route = this.#route;
    return {
      ...{ name: link.name, index: link.index, mtu: link.mtu, up: link.up },
      ...(link.kind === undefined ? {} : { kind: link.kind }),
      ...(link.mac === undefined ? {} : { mac: link.mac }),
      ...(link.alias === undefined ? {} : { alias: link.alias }),
      ...(link.parent === undefined ? {} : { parentIndex: link.parent }),
      ...(link.master === undefined ? {} : { masterIndex: link.master }),
      ...{ carrier: link.carrier, promiscuous: link.promiscuous },
      // Read only by those who ask: a bridge network's check looks at many links and none of these.
      get wireless() {
        return existsSync(`/sys/class/net/${link.name}/phy80211`);
      },
      get driver() {
        return driverOf(link.name);
      },
      get virtualFunction() {
        return existsSync(`/sys/class/net/${link.name}/device/physfn`);
      },
      get addresses() {
        return route.addresses({ index: link.index }).map(({ address }) => address);
      },
    };
  }

  /**
   * Destinations that are routed anywhere but to links of ours, for choosing subnets that are nobody's. Of every table: a VPN may keep its routes in
   * one of its own, and an address of a loopback is in `local` alone.
   */
  routes(): readonly string[] {
    const ours = new Set(this.#route.links().flatMap(({ alias, index }) => (alias?.startsWith(ALIAS_PREFIX) ? [index] : [])));
    return this.#route
      .routes()
      .flatMap(({ type, index, destination }) => (DERIVED.has(type) || (index !== undefined && ours.has(index)) ? [] : [destination]));
  }

  /** net.ipv4.ip_local_port_range */
  ephemeralPorts(): readonly [number, number] {
    const [low = 32768, high = 60999] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/).map(Number);
    return [low, high];
  }

  /** net.ipv4.ip_local_reserved_ports, `8080,9148-9150`. */
  reservedPorts(): readonly { readonly from: number; readonly to: number }[] {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_reserved_ports", "utf8").trim();
    if (text === "") return [];
    return text.split(",").map((range) => {
      const [from = 0, to = from] = range.split("-").map(Number);
      return { from, to };
    });
  }

  /** Programs of the host can listen on IPv6. */
  hasIpv6(): boolean {
    try {
      return readFileSync("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "utf8").trim() === "0";
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

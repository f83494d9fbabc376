import { messageOf } from "#base";
import {
  type Collision,
  DnsServer,
  DnsZones,
  EMBEDDED_DNS_ADDRESS,
  Forwarder,
  type QueryLogEntry,
  SandboxResolver,
  type SandboxViewSpec,
  Upstream,
} from "#dns";
import type { Context } from "./context.ts";
import { hostServices } from "./host-services.ts";

interface Running {
  readonly server: DnsServer;
  readonly resolver: SandboxResolver;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** The embedded DNS: one table of names for all, one pair of sockets and one resolver a sandbox. */
export class DnsServers {
  readonly zones: DnsZones;
  readonly #context: Context;
  readonly #forwarder = new Forwarder();
  readonly #running = new Map<string, Running>();
  readonly #upstreams = new Map<string, Upstream>();
  /** Those who read a container's queries, whether it runs or not. */
  readonly #readers = new Map<string, Set<(entry: QueryLogEntry) => void>>();

  constructor(context: Context, onCollision: (collision: Collision) => void) {
    this.#context = context;
    this.zones = new DnsZones({ onCollision, servicePorts: hostServices() });
  }

  /** Serves a sandbox, or gives the server it has a new view. @returns the ports it listens on */
  serve(containerId: string, ns: string, view: SandboxViewSpec): { udpPort: number; tcpPort: number } {
    const running = this.#running.get(containerId);
    if (running) {
      running.resolver.update(view);
      return running;
    }
    const { udp, udpPort, tcp, tcpPort } = this.#context.sockets.dns(ns, EMBEDDED_DNS_ADDRESS);
    const resolver = new SandboxResolver(this.zones, view, this.#forwarder);
    const server = new DnsServer({ resolver, udp, tcp, log: this.#context.log });
    server.start().catch((error: unknown) => this.#context.log.error("embedded DNS not started", { containerId, error: messageOf(error) }));
    this.#running.set(containerId, { server, resolver, udpPort, tcpPort });
    if (this.#readers.has(containerId)) this.#log(containerId, server);
    return { udpPort, tcpPort };
  }

  /** Tells every query of a container, through its restarts, until the returned function is called. */
  observe(containerId: string, listener: (entry: QueryLogEntry) => void): () => void {
    const readers = this.#readers.get(containerId) ?? new Set();
    readers.add(listener);
    if (!this.#readers.has(containerId)) {
      this.#readers.set(containerId, readers);
      const running = this.#running.get(containerId);
      if (running) this.#log(containerId, running.server);
    }
    return () => {
      readers.delete(listener);
      if (readers.size === 0) this.#readers.delete(containerId);
    };
  }

  #log(containerId: string, server: DnsServer): void {
    const stop = server.observe((entry) => {
      const readers = this.#readers.get(containerId);
      if (!readers) stop();
      for (const listener of readers ?? []) listener(entry);
    });
  }

  portsOf(containerId: string): { udpPort: number; tcpPort: number } | undefined {
    return this.#running.get(containerId);
  }

  stop(containerId: string): void {
    const running = this.#running.get(containerId);
    if (!running) return;
    this.#running.delete(containerId);
    running.server
      .close()
      .catch((error: unknown) => this.#context.log.warn("embedded DNS not closed", { containerId, error: messageOf(error) }));
  }

  /** A namespace is gone: nobody asks from it any more. */
  forgetUpstreams(ns: string): void {
    for (const key of this.#upstreams.keys()) if (key.startsWith(`${ns} `)) this.#upstreams.delete(key);
  }

  stopAll(): void {
    for (const containerId of [...this.#running.keys()]) this.stop(containerId);
  }

  /** One memory of a server's health for all who ask it from the same namespace. */
  upstream(address: string, ns: string): Upstream {
    const { sockets } = this.#context;
    const key = `${ns} ${address}`;
    let upstream = this.#upstreams.get(key);
    if (!upstream) {
      upstream = new Upstream(address, {
        openUdp: (family) => sockets.udp(ns, family),
        connectTcp: (to, port) => sockets.tcp(ns, to, port),
      });
      this.#upstreams.set(key, upstream);
    }
    return upstream;
  }
}

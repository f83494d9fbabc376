import { internal, messageOf, shortId } from "#base";
import { EMBEDDED_DNS_ADDRESS, type QueryLogEntry, type ZoneService } from "#dns";
import type { SandboxTableItem } from "#fabric";
import { parsePort } from "#ports";
import type { Context } from "./context.ts";
import { DnsServers } from "./dns-servers.ts";
import { inGatewayOrder, placedOf } from "./gateway.ts";
import { watchHostResolver } from "./host-resolver.ts";
import { linkEnvironment, parseLink } from "./links.ts";
import { NetworkFiles } from "./network-files.ts";
import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";
import { PREDEFINED } from "./views.ts";

/** Names of containers: what the embedded DNS knows and serves, the files in /etc, and legacy links. */
export class Names {
  readonly #context: Context;
  readonly #dns: DnsServers;
  readonly #files: NetworkFiles;
  /** Endpoints with names in a zone: endpoint id → network id. */
  readonly #known = new Map<string, Map<string, string>>();
  #watch: Disposable | undefined;

  constructor(context: Context, namespaceOf: (record: SandboxRecord) => string) {
    this.#context = context;
    this.#dns = new DnsServers(context, ({ sandboxId, name, winner, hidden }) => {
      const network = context.state.network(winner.networkId);
      if (network) context.emit("conflict", network, { container: sandboxId, dnsName: name, hidden: hidden.networkName });
    });
    this.#files = new NetworkFiles(context, (record) => this.linkedTo(record));
    this.#namespaceOf = namespaceOf;
  }

  readonly #namespaceOf: (record: SandboxRecord) => string;

  /** Every query of a container, as it is answered. */
  log(containerId: string, listener: (entry: QueryLogEntry) => void): () => void {
    return this.#dns.observe(containerId, listener);
  }

  /** Writes the sandbox's files and opens its server, which its nftables table must know the ports of. */
  prepare(record: SandboxRecord): void {
    this.#watch ??= watchHostResolver(() => this.#hostChanged());
    const placed = placedOf(this.#context.state, record);
    const named = placed.filter(({ network }) => hasDns(network));
    const external = this.#files.write(record, named.length > 0);
    if (named.length === 0) {
      this.#dns.stop(record.spec.containerId);
      return;
    }
    const ns = this.#namespaceOf(record);
    // The host's servers are the way out that an internal network has not; those of the container's own it may reach by itself, if at all.
    const internal = placed.every(({ network }) => network.internal);
    const servers = external.filter(({ via }) => !internal || via === "container");
    this.#dns.serve(record.spec.containerId, ns, {
      sandboxId: record.spec.containerId,
      networks: inGatewayOrder(named).map(({ network: { id, name } }) => ({ id, name })),
      links: named.flatMap(({ attachment, network }) =>
        (attachment.spec.links ?? []).map((link) => {
          const { name, alias } = parseLink(link);
          return { networkId: network.id, alias, target: name };
        }),
      ),
      internalOnly: internal && servers.length === 0,
      upstreams: servers.map(({ address, via }) => this.#dns.upstream(address, via === "host" ? "host" : ns)),
    });
  }

  /** What the sandbox's nftables table has to say about names. */
  table(record: SandboxRecord): SandboxTableItem["dns"] {
    const ports = this.#dns.portsOf(record.spec.containerId);
    return ports && { address: EMBEDDED_DNS_ADDRESS, udpPort: ports.udpPort, tcpPort: ports.tcpPort };
  }

  /** Makes the sandbox's endpoints, and no others of it, be found by their names: from this instant on. */
  activate(record: SandboxRecord): void {
    const before = this.#known.get(record.spec.containerId) ?? new Map<string, string>();
    const now = new Map<string, string>();
    for (const { attachment, network } of placedOf(this.#context.state, record)) {
      if (!hasDns(network)) continue;
      now.set(attachment.endpointId, network.id);
      const rejected = this.#dns.zones.addEndpoint(network.id, network.name, {
        endpointId: attachment.endpointId,
        names: namesOf(record, attachment),
        ...(attachment.ipv4 === "" ? {} : { ipv4: bare(attachment.ipv4) }),
        ...(attachment.ipv6 === "" ? {} : { ipv6: bare(attachment.ipv6) }),
        containerId: record.spec.containerId,
        services: servicesOf(record),
      });
      if (rejected.length > 0)
        this.#context.log.warn("names that DNS cannot carry", { container: record.spec.containerName, names: rejected });
    }
    for (const [endpointId, networkId] of before) if (!now.has(endpointId)) this.#dns.zones.removeEndpoint(networkId, endpointId);
    if (now.size > 0) this.#known.set(record.spec.containerId, now);
    else this.#known.delete(record.spec.containerId);
  }

  /** The container was renamed, or one it links to came or went. */
  update(record: SandboxRecord): void {
    this.#files.write(record, this.#dns.portsOf(record.spec.containerId) !== undefined);
    this.activate(record);
  }

  close(record: SandboxRecord): void {
    const { containerId } = record.spec;
    for (const [endpointId, networkId] of this.#known.get(containerId) ?? []) this.#dns.zones.removeEndpoint(networkId, endpointId);
    this.#known.delete(containerId);
    this.#dns.stop(containerId);
    this.#files.forget(containerId);
    this.#dns.forgetUpstreams(this.#namespaceOf(record));
  }

  closeAll(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#dns.stopAll();
    this.#files.close();
  }

  /** The host has other resolvers now: running containers ask those from the next query on, and read them where they ask themselves. */
  #hostChanged(): void {
    const { state, log } = this.#context;
    for (const record of state.sandboxes) {
      if (!record.up || record.spec.network.mode === "container") continue;
      const named = placedOf(this.#context.state, record).some(({ network }) => hasDns(network));
      // One that is just being opened reads the file itself.
      if (named && !this.#dns.portsOf(record.spec.containerId)) continue;
      try {
        if (record.spec.network.mode === "host") this.writeFiles(record);
        else this.prepare(record);
      } catch (error) {
        log.warn("host's resolvers not followed", { container: record.spec.containerName, error: messageOf(error) });
      }
    }
  }

  /** For host mode: files, and no names. */
  writeFiles(record: SandboxRecord): void {
    this.#files.write(record, false);
  }

  /** Docker's DNSNames: container name, aliases, short id, hostname; null where there is no DNS. */
  dnsNames(record: SandboxRecord, networkId: string): readonly string[] | null {
    const network = this.#context.state.network(networkId);
    const attachment = record.attachments.find((candidate) => candidate.networkId === networkId);
    return network && attachment && hasDns(network) ? namesOf(record, attachment) : null;
  }

  /** What a container links to in the old way must run, on the default bridge. @throws internal, in Docker's words */
  checkLinks(record: SandboxRecord): void {
    const { state } = this.#context;
    const bridge = state.networkNamed("bridge");
    for (const link of record.spec.links) {
      const { name, alias } = parseLink(link);
      const target = state.sandboxNamed(name) ?? state.sandbox(name);
      if (!target) throw internal(`could not get container for ${name}: No such container: ${name}`, { code: "no-such-sandbox" });
      const { containerId, containerName } = target.spec;
      if (!target.up)
        throw internal(`Cannot link to a non running container: /${containerName} AS /${record.spec.containerName}/${alias}`, {
          code: "link-stopped",
          context: { target: containerName },
        });
      if (!target.attachments.some(({ networkId }) => networkId === bridge?.id))
        throw internal(`container ${containerId} not attached to default bridge network`, {
          code: "link-elsewhere",
          context: { target: containerName },
        });
    }
  }

  /** Running containers this one links to in the old way, with the alias for each. */
  linkedTo(record: SandboxRecord): { alias: string; target: SandboxRecord }[] {
    return record.spec.links.flatMap((link) => {
      const { name, alias } = parseLink(link);
      const target = this.#context.state.sandboxNamed(name) ?? this.#context.state.sandbox(name);
      return target?.up ? [{ alias, target }] : [];
    });
  }

  /** Running containers that link to this one in the old way. */
  linkersOf(record: SandboxRecord): SandboxRecord[] {
    return this.#context.state.linkersOf(record).filter(({ up }) => up);
  }

  linkEnvironment(record: SandboxRecord): readonly string[] {
    const bridge = this.#context.state.networkNamed("bridge");
    if (!bridge) return [];
    return this.linkedTo(record).flatMap(({ alias, target }) => {
      const address = target.attachments.find(({ networkId }) => networkId === bridge.id)?.ipv4 ?? "";
      return address === "" ? [] : linkEnvironment(record.spec.containerName, alias, bare(address), target.spec);
    });
  }
}

const bare = (prefixed: string): string => prefixed.slice(0, prefixed.indexOf("/"));

/** User-defined networks have names; the predefined ones have not. */
const hasDns = (network: NetworkRecord): boolean => !PREDEFINED.has(network.name);

/** What SRV questions may ask for: exposed and published ports. */
const servicesOf = ({ spec }: SandboxRecord): readonly ZoneService[] =>
  [...new Set([...spec.exposed, ...Object.keys(spec.ports)])].map(parsePort);

function namesOf(record: SandboxRecord, attachment: Attachment): readonly string[] {
  const { containerName, containerId, hostname } = record.spec;
  return [...new Set([containerName, ...(attachment.spec.aliases ?? []), shortId(containerId), hostname])].filter((name) => name !== "");
}

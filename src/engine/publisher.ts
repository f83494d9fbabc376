import { type Family, familyOf, messageOf, withContext } from "#base";
import { isLanDriver, type Publishing } from "#drivers";
import type { Item, SandboxTableItem, UdpMapping } from "#fabric";
import { openElements, PortAllocator, type PortLease, type PortRequest, planPorts, portsView, publishElements, routedPorts } from "#ports";
import type { Context } from "./context.ts";
import { modelOf } from "./desired.ts";
import { defaultRoutes, placedOf } from "./gateway.ts";
import type { Attachment, NetworkRecord, Publication, SandboxRecord } from "./records.ts";
import type { SandboxStateView } from "./types.ts";

/** The networks that carry a sandbox's default routes: the ones through which its ports are published. */
export interface Routes {
  readonly v4?: string;
  readonly v6?: string;
}

/** Published ports: host ports held, and the elements or redirects that serve them. */
export class Publisher {
  readonly #context: Context;
  readonly #ports: PortAllocator;
  readonly #leases = new Map<string, PortLease>();
  readonly #plans = new WeakMap<SandboxRecord["spec"], Map<string, readonly PortRequest[]>>();

  constructor(context: Context) {
    this.#context = context;
    const [from, to] = context.host.ephemeralPorts();
    this.#ports = new PortAllocator({ reserver: context.ports, ephemeral: { from, to } });
  }

  /**
   * Takes the host ports a sandbox publishes through the networks of its default routes.
   * @param kept ports it had until now, taken again where any would do
   * @throws with nothing taken
   */
  take(record: SandboxRecord, routes: Routes, kept: readonly Publication[] = []): readonly Publication[] {
    const { containerId } = record.spec;
    if (!hasPorts(record)) return [];
    const { host, state } = this.#context;
    const [from, to] = host.ephemeralPorts();
    this.#ports.setEphemeral({ from, to }, host.reservedPorts?.());
    const direct: Publication[] = [];
    const asked: PortRequest[][] = [];
    for (const [networkId, families] of this.#serving(record, routes)) {
      const network = state.network(networkId);
      if (!network) continue;
      const how = this.#publishing(network);
      const having = (mode: Publishing["v4"]) => families.filter((family) => (family === 4 ? how.v4 : how.v6) === mode);
      const nat = having("nat");
      // IPv6 clients of a container that has none are carried to its IPv4 address by the daemon.
      const relayed = nat.includes(4) && routes.v6 === undefined && host.hasIpv6?.() === true;
      const ipv6 = relayed || (families.includes(6) && host.hasIpv6?.() !== false);
      const wanted = this.#plan(record.spec, how.hostBinding, ipv6);
      const isOurs = (ip: string) => nat.includes(familyOf(ip)) || (relayed && familyOf(ip) === 6);
      asked.push(wanted.map((request) => ({ ...request, hostIps: request.hostIps.filter(isOurs) })));
      for (const port of routedPorts(wanted, having("open"))) direct.push({ ...port, networkId });
      if (having("inside").length > 0) direct.push(...insidePorts(wanted, record, networkId));
    }
    const lease = this.#allocate(record, routes, keeping(kept, together(asked)));
    this.#leases.get(containerId)?.release();
    this.#leases.set(containerId, lease);
    const held = lease.ports.map((port) => ({ ...port, networkId: (familyOf(port.hostIp) === 4 ? routes.v4 : (routes.v6 ?? routes.v4))! }));
    this.#relay(lease, record, held);
    return [...held, ...direct];
  }

  /** The networks of the default routes, and every LAN the container is on: there it has ports of its own, gateway or not. */
  #serving(record: SandboxRecord, routes: Routes): Map<string, Family[]> {
    const serving = byNetwork(routes);
    for (const { networkId, ipv4, ipv6 } of record.attachments) {
      const network = this.#context.state.network(networkId);
      if (!network || serving.has(networkId) || !isLanDriver(network.driver)) continue;
      serving.set(networkId, [...(ipv4 === "" ? [] : [4 as const]), ...(ipv6 === "" ? [] : [6 as const])]);
    }
    return serving;
  }

  #plan(spec: SandboxRecord["spec"], defaultHostIp: string, ipv6: boolean): readonly PortRequest[] {
    let plans = this.#plans.get(spec);
    if (!plans) this.#plans.set(spec, (plans = new Map()));
    const key = `${defaultHostIp} ${ipv6}`;
    let plan = plans.get(key);
    if (!plan) {
      const { ports: bindings, exposed, publishAll } = spec;
      plans.set(key, (plan = planPorts({ bindings, exposed, publishAll, defaultHostIp: defaultHostIp || ANY4, ipv6 })));
    }
    return plan;
  }

  #allocate({ spec, attachments }: SandboxRecord, routes: Routes, requests: readonly PortRequest[]): PortLease {
    try {
      return this.#ports.allocate(this.#context.state.holderOf(spec.containerId), requests);
    } catch (error) {
      const endpoint = attachments.find(({ networkId }) => networkId === (routes.v4 ?? routes.v6))?.endpointId ?? "";
      throw withContext(`driver failed programming external connectivity on endpoint ${spec.containerName} (${endpoint})`, error);
    }
  }

  /** Clients that the kernel does not translate reach the container through the daemon: those on ::1, IPv6 ones of a container without, all with `--iptables=false`. */
  #relay(lease: PortLease, record: SandboxRecord, publications: readonly Publication[]): void {
    const networks = new Map(publications.map((port) => [`${port.proto} ${port.hostIp} ${port.hostPort}`, port.networkId]));
    const { firewall } = this.#context.facts().defaults;
    lease.relay(({ proto, hostIp, hostPort }) => {
      if (firewall && familyOf(hostIp) === 4) return undefined;
      const networkId = networks.get(`${proto} ${hostIp} ${hostPort}`);
      const attachment = record.attachments.find((candidate) => candidate.networkId === networkId);
      return attachment && bare(attachment.ipv6 || attachment.ipv4);
    });
  }

  #publishing(network: NetworkRecord): Publishing {
    return this.#context.driver(network.driver).publishing(modelOf(network), this.#context.facts());
  }

  /** After a restart: holds again what the record says. A port that another program has taken meanwhile is lost, and said so. */
  restore(record: SandboxRecord): void {
    const { containerId, containerName } = record.spec;
    const held = record.published.filter(({ networkId, hostPort }) => hostPort !== 0 && this.#isNat(networkId));
    if (held.length === 0) return;
    const { lease, lost } = this.#ports.restore(this.#context.state.holderOf(containerId), held);
    this.#leases.set(containerId, lease);
    this.#relay(lease, record, held);
    for (const { error } of lost)
      this.#context.log.warn("published port not reserved again", { container: containerName, error: messageOf(error) });
  }

  #isNat(networkId: string): boolean {
    const network = this.#context.state.network(networkId);
    return network !== undefined && Object.values(this.#publishing(network)).includes("nat");
  }

  release(record: SandboxRecord): void {
    this.#leases.get(record.spec.containerId)?.release();
    this.#leases.delete(record.spec.containerId);
  }

  /** Ports of an open sandbox whose networks changed: they stay when the gateways do, and move to the new gateway's network otherwise. */
  move(before: SandboxRecord, after: SandboxRecord, routes: Routes): { record: SandboxRecord; rollback(): void } {
    const served = defaultRoutes(placedOf(this.#context.state, before));
    const same = JSON.stringify([...this.#serving(before, served)]) === JSON.stringify([...this.#serving(after, routes)]);
    if (same || !hasPorts(before)) return { record: after, rollback() {} };
    this.release(before);
    const rollback = () => {
      this.release(before);
      this.restore(before);
    };
    try {
      return { record: { ...after, published: this.take(after, routes, before.published) }, rollback };
    } catch (error) {
      rollback();
      throw error;
    }
  }

  /** UDP clients that never close a flow meet the mappings of now. A failure costs only their patience. */
  forgetFlows({ gone, fresh }: { readonly gone?: SandboxRecord; readonly fresh?: SandboxRecord }): void {
    if (gone?.published === fresh?.published) return;
    const mappings = (record: SandboxRecord | undefined): UdpMapping[] =>
      (record?.published ?? []).flatMap(({ proto, hostIp, hostPort, hostPortEnd, networkId }) => {
        if (proto !== "udp" || hostPort === 0) return [];
        const attachment = record?.attachments.find((candidate) => candidate.networkId === networkId);
        const address = (familyOf(hostIp) === 4 ? attachment?.ipv4 : attachment?.ipv6) ?? "";
        return [{ address: hostIp, port: hostPort, portEnd: hostPortEnd, container: address === "" ? "" : bare(address) }];
      });
    const [old, now] = [mappings(gone), mappings(fresh)];
    if (old.length === 0 && now.length === 0) return;
    try {
      this.#context.ports.flushUdp(old, now);
    } catch (error) {
      const record = fresh ?? gone;
      this.#context.log.warn("UDP flows not forgotten", { container: record?.spec.containerName, error: messageOf(error) });
    }
  }

  /** What serves the ports that go through one endpoint. */
  items(record: SandboxRecord, network: NetworkRecord, attachment: Attachment): Item[] {
    const mine = record.published.filter(({ networkId }) => networkId === network.id);
    if (mine.length === 0) return [];
    const how = this.#publishing(network);
    const addresses = {
      ...(attachment.ipv4 === "" ? {} : { ipv4: bare(attachment.ipv4) }),
      ...(attachment.ipv6 === "" ? {} : { ipv6: bare(attachment.ipv6) }),
    };
    const items: Item[] = [];
    if (how.v4 === "nat" || how.v6 === "nat") items.push(...publishElements(mine, addresses));
    const direct = this.#context.facts().defaults.allowDirectRouting;
    const open = mine.filter(({ hostPort }) => hostPort === 0 || direct);
    if (how.bridge && open.length > 0) items.push(...openElements(how.bridge, open, addresses));
    return items;
  }

  /** Redirects inside the sandbox, for networks that are on the LAN themselves. */
  redirects(record: SandboxRecord): NonNullable<SandboxTableItem["redirects"]> {
    return record.published.flatMap((port) => {
      const network = this.#context.state.network(port.networkId);
      if (!network || !Object.values(this.#publishing(network)).includes("inside")) return [];
      const { proto, hostPort, hostPortEnd, containerPort } = port;
      if (hostPort === containerPort) return [];
      return Array.from({ length: hostPortEnd - hostPort + 1 }, (_, offset) => ({
        proto,
        from: String(hostPort + offset),
        to: containerPort + offset,
      }));
    });
  }

  view(record: SandboxRecord): SandboxStateView["ports"] {
    const alone = record.attachments.every(({ network }) => network === "none" || network === "host");
    return alone ? {} : portsView(record.spec.exposed, record.published);
  }

  closeAll(): void {
    for (const lease of this.#leases.values()) lease.release();
    this.#leases.clear();
  }
}

/** What a binding that names no host address stands for where the driver says nothing. */
const ANY4 = "0.0.0.0";

const bare = (prefixed: string): string => prefixed.slice(0, prefixed.indexOf("/"));

const hasPorts = ({ spec }: SandboxRecord): boolean => Object.keys(spec.ports).length > 0 || spec.publishAll;

/**
 * What several networks serve, each some families, as one list. A binding that leaves the host port open gets the same one for all of them: plans of
 * one container hold these bindings in one order, whatever addresses they are for.
 */
function together(asked: readonly (readonly PortRequest[])[]): readonly PortRequest[] {
  const exact = asked.flatMap((requests) => requests.filter(({ host }) => host.kind === "exact"));
  const open: PortRequest[] = [];
  for (const requests of asked)
    for (const [index, request] of requests.filter(({ host }) => host.kind !== "exact").entries())
      open[index] = { ...request, hostIps: [...(open[index]?.hostIps ?? []), ...request.hostIps] };
  return [...exact, ...open].filter(({ hostIps }) => hostIps.length > 0);
}

/** Requests for any port ask for one they had, each for another, and none for what a binding names. */
function keeping(kept: readonly Publication[], requests: readonly PortRequest[]): readonly PortRequest[] {
  if (kept.length === 0) return requests;
  const named = (port: Publication) =>
    requests.some(
      ({ proto, host, count }) =>
        host.kind === "exact" && proto === port.proto && port.hostPort >= host.from && port.hostPort < host.from + count,
    );
  const left = new Map(kept.filter((port) => port.hostPort > 0 && !named(port)).map((port) => [`${port.proto} ${port.hostPort}`, port]));
  return requests.map((request) => {
    if (request.host.kind === "exact") return request;
    for (const [key, { proto, containerPort, hostPort }] of left) {
      if (proto !== request.proto || containerPort !== request.containerPort) continue;
      left.delete(key);
      return { ...request, host: { kind: "exact", from: hostPort } };
    }
    return request;
  });
}

function byNetwork(routes: Routes): Map<string, Family[]> {
  const networks = new Map<string, Family[]>();
  if (routes.v4) networks.set(routes.v4, [4]);
  if (routes.v6) networks.set(routes.v6, [...(networks.get(routes.v6) ?? []), 6]);
  return networks;
}

/** A container on the LAN listens there itself: the host port becomes a port of its own address, where it differs from the container's. */
function insidePorts(requests: readonly PortRequest[], record: SandboxRecord, networkId: string): Publication[] {
  const attachment = record.attachments.find((candidate) => candidate.networkId === networkId);
  const address = attachment?.ipv4 || attachment?.ipv6;
  if (!address) return [];
  return requests.map(({ proto, containerPort, count, host }) => {
    const hostPort = host.kind === "ephemeral" ? containerPort : host.from;
    return { proto, hostIp: bare(address), hostPort, hostPortEnd: hostPort + count - 1, containerPort, networkId };
  });
}

import type { Socket as UdpSocket } from "node:dgram";
import type { Socket as TcpSocket } from "node:net";
import type { Family, Log } from "#base";
import type { DatagramPort } from "#dns";
import type { Driver, HostFacts } from "#drivers";
import type { Drift, Executor, Fabric, UdpMapping } from "#fabric";
import type { HostPortReserver } from "#ports";
import type { Store } from "#store";

/** The default bridge, from dockerd's flags of the same names. */
export interface DefaultBridgeOptions {
  /** Device name; `"none"`: there is no network `bridge`. */
  readonly name: string;
  /** The device was named by `--bridge`: it must exist and is not ours. */
  readonly foreign: boolean;
  /** `--bip 192.168.1.5/24` */
  readonly bip?: string;
  readonly bip6?: string;
  readonly fixedCidr?: string;
  readonly fixedCidr6?: string;
  readonly defaultGateway?: string;
  readonly defaultGateway6?: string;
  readonly ipv6: boolean;
}

export interface EngineConfig {
  /** Holds `network/` state files. */
  readonly dataRoot: string;
  /** Holds `netns/`. */
  readonly execRoot: string;
  /** Stable id of the daemon; the ULA prefix is derived from it. */
  readonly daemonId: string;
  readonly bridge: DefaultBridgeOptions;
  readonly defaults: HostFacts["defaults"];
  /** `--default-address-pool base=…,size=…`; empty: Docker's. */
  readonly addressPools: readonly { readonly base: string; readonly size: number }[];
  /** `--default-network-opt driver=key=value` */
  readonly networkOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dns: { readonly servers: readonly string[]; readonly search: readonly string[]; readonly options: readonly string[] };
  /** `--host-gateway-ip`; empty: docker0's address. */
  readonly hostGatewayIps: readonly string[];
}

/** Network namespaces as files: `kernel/netns` for real, a fake in tests. Synchronous. */
export interface Namespaces {
  create(path: string): void;
  remove(path: string): void;
  exists(path: string): boolean;
  list(): readonly string[];
  /** The engine is done; namespaces that are left stay. */
  close(): void;
}

/** What the host is like right now. */
export interface HostProbe {
  facts(defaults: HostFacts["defaults"]): HostFacts;
  /** Prefixes the host has routes to, for pool choice. */
  routes(): readonly string[];
  /** Addresses of the servers it asks for names, which its own networks must not hide; none unless given. */
  nameservers?(): readonly string[];
  /** `[low, high]` of net.ipv4.ip_local_port_range. */
  ephemeralPorts(): readonly [number, number];
  /** net.ipv4.ip_local_reserved_ports; none unless given. */
  reservedPorts?(): readonly { readonly from: number; readonly to: number }[];
  /** The host can listen on IPv6; false unless given. */
  hasIpv6?(): boolean;
}

/** The host's ports, and the flows that came by them. */
export interface HostPorts extends HostPortReserver {
  /** Forgets UDP conntrack entries that changed mappings left behind: of those that are gone, and of what came to the host before the fresh ones. */
  flushUdp(gone: readonly UdpMapping[], fresh?: readonly UdpMapping[]): void;
}

/** Sockets towards upstream servers, in the host's or a sandbox's namespace. */
export interface UpstreamSockets {
  udp(ns: string, family: Family): UdpSocket;
  tcp(ns: string, address: string, port: number): TcpSocket;
}

/** Sockets inside a sandbox for the embedded DNS. */
export interface SandboxSockets extends UpstreamSockets {
  dns(
    ns: string,
    address: string,
  ): { readonly udp: number | DatagramPort; readonly udpPort: number; readonly tcp: number; readonly tcpPort: number };
}

/** Probes, announcements and conflict watch on the LANs containers are put on: the room `lan`, or a fake. */
export interface LanDoor {
  probeAddress(request: {
    readonly link: string;
    readonly address: string;
    readonly mode: "quick" | "full" | "off";
  }): Promise<{ readonly conflict?: string; readonly hostLink?: string; readonly isGateway?: boolean }>;
  announceAddresses(request: {
    readonly namespace: string;
    readonly link: string;
    readonly addresses: readonly string[];
    readonly count?: number;
    readonly interval?: number;
  }): Disposable;
  watchConflicts(request: {
    readonly link: string;
    readonly address: string;
    readonly owners: readonly string[];
    onConflict(mac: string): void;
  }): Disposable;
}

export interface DhcpIdentity {
  /** The parent, before the container has its interface; then that interface, in its namespace. */
  readonly link: string;
  readonly namespace?: string;
  readonly mac: string;
  /** Whatever names the client for good; its client id (RFC 4361) is derived from it. */
  readonly client: string;
  readonly hostname: string;
}

/** What a server granted, plain data as the store keeps it; its own room knows the rest of the fields. */
export interface DhcpLease {
  readonly address: string;
  /** `10.0.0.5/24`; DHCPv6 gives no prefix length. */
  readonly cidr?: string;
  readonly router?: string;
  readonly server: string;
}

/** The DHCP clients of the room `lan`, one a family, or a fake. */
export interface DhcpDoor {
  /** How the link's routers say that stations get IPv6 addresses: from a server, or each by itself; undefined when there is no router. */
  solicitRouter(link: string): Promise<{ readonly managed: boolean; readonly autonomous: boolean } | undefined>;
  acquireLease(
    family: Family,
    request: DhcpIdentity & { readonly previous?: DhcpLease; readonly requested?: string },
  ): Promise<{ readonly lease: DhcpLease; readonly confirmed: boolean }>;
  keepLease(
    family: Family,
    identity: DhcpIdentity,
    lease: DhcpLease,
    callbacks: { onLease(lease: DhcpLease): void; onLost(reason: "expired" | "refused"): void },
  ): Disposable;
  /** `decline`: somebody else has the address. Sent before it returns; settles when the server has heard, or does not answer. */
  giveLeaseBack(family: Family, identity: DhcpIdentity, lease: DhcpLease, why: "release" | "decline"): Promise<void>;
}

export interface EngineOptions {
  readonly config: EngineConfig;
  readonly store: Store;
  readonly executor: Executor;
  readonly namespaces: Namespaces;
  readonly host: HostProbe;
  readonly ports: HostPorts;
  readonly sockets: SandboxSockets;
  readonly drivers: readonly Driver[];
  /** Undefined: addresses on LANs are neither probed nor announced. */
  readonly lan?: LanDoor & DhcpDoor;
  readonly log: Log;
  /** Starts watching the kernel once its state has been restored. */
  watch?(
    fabric: Fabric,
    callbacks: { onRepair(repaired: readonly Drift[]): void; onAddresses(hostLinks: readonly string[]): void },
  ): Disposable;
}

/** The engine's public shapes. `server` renders them as Docker's JSON; a TypeScript program that embeds the engine uses them as they are. */

export interface IpamRequest {
  readonly driver: string;
  readonly options: Readonly<Record<string, string>> | null;
  readonly config: readonly PoolRequest[];
}

/** One entry of IPAM.Config. */
export interface PoolRequest {
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
}

export interface NetworkSpec {
  readonly name: string;
  /** `bridge` unless given. */
  readonly driver?: string;
  readonly scope?: string;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ingress?: boolean;
  readonly configOnly?: boolean;
  /** Name of the configuration network to take settings from. */
  readonly configFrom?: string;
  readonly ipam?: IpamRequest;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface NetworkView {
  readonly id: string;
  readonly name: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  readonly driver: string;
  readonly scope: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly configOnly: boolean;
  readonly configFrom: string;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>> | null;
    readonly config: readonly PoolRequest[] | null;
  };
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly predefined: boolean;
  /** Endpoints that are up, by container id. */
  readonly endpoints: readonly NetworkEndpointView[];
}

export interface NetworkEndpointView {
  readonly containerId: string;
  readonly containerName: string;
  readonly endpointId: string;
  readonly mac: string;
  /** `172.18.0.2/16` or empty */
  readonly ipv4: string;
  readonly ipv6: string;
}

/** EndpointSettings as given at create or connect. */
export interface EndpointSpec {
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly linkLocal?: readonly string[];
  readonly aliases?: readonly string[];
  /** `container:alias` or `container`. */
  readonly links?: readonly string[];
  readonly mac?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly gwPriority?: number;
}

export type NetworkMode =
  | { readonly mode: "networks" }
  | { readonly mode: "host" }
  | { readonly mode: "none" }
  /** `--network container:X`, X a container id. */
  | { readonly mode: "container"; readonly containerId: string };

export interface PortBinding {
  /** Empty for the network's default binding. */
  readonly hostIp: string;
  /** `""` ephemeral, `"8080"`, or `"8000-8010"`: the first free one. */
  readonly hostPort: string;
}

/** What a container wants of its network, declared when it is created; its attachments live in the engine from then on. */
export interface SandboxSpec {
  readonly containerId: string;
  readonly containerName: string;
  readonly network: NetworkMode;
  /** Attachments by network name or id, in the order given. */
  readonly endpoints: readonly { readonly network: string; readonly spec: EndpointSpec }[];
  readonly hostname: string;
  readonly domainname: string;
  readonly dns: { readonly servers: readonly string[]; readonly search: readonly string[]; readonly options: readonly string[] };
  /** `name:ip` or `name=ip`; the ip may be `host-gateway`. */
  readonly extraHosts: readonly string[];
  /** `"80/tcp"` → bindings. */
  readonly ports: Readonly<Record<string, readonly PortBinding[]>>;
  /** Exposed ports, `80/tcp`. */
  readonly exposed: readonly string[];
  readonly publishAll: boolean;
  /** Legacy links on the default bridge: `container:alias`. */
  readonly links: readonly string[];
  /** The container's own environment, `NAME=value`: what legacy links hand on. */
  readonly environment?: readonly string[];
  /** Directory in which resolv.conf, hosts and hostname are kept. */
  readonly filesDir: string;
  /** `net.*` sysctls to write into the namespace before the container starts. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** A sandbox that is up: what the container runtime needs to know. */
export interface SandboxView {
  readonly sandboxId: string;
  /** Path of the network namespace for the OCI spec; undefined for host mode (the runtime joins the daemon's own). */
  readonly netnsPath?: string;
  readonly hostnamePath: string;
  readonly hostsPath: string;
  readonly resolvConfPath: string;
  /** The container's own hostname; that of the container whose namespace was joined, as their files are shared too. */
  readonly hostname?: string;
  /** Environment that legacy links add. */
  readonly environment: readonly string[];
}

/** One network in a container's NetworkSettings.Networks; operational fields are empty while it is stopped. */
export interface EndpointView {
  readonly networkName: string;
  readonly networkId: string;
  readonly spec: EndpointSpec;
  readonly endpointId: string;
  readonly gateway: string;
  readonly ipv4: string;
  readonly ipv4Prefix: number;
  readonly ipv6Gateway: string;
  readonly ipv6: string;
  readonly ipv6Prefix: number;
  readonly mac: string;
  readonly dnsNames: readonly string[] | null;
}

export interface SandboxStateView {
  readonly sandboxId: string;
  /** `<exec-root>/netns/<12>`; `…/default` for host mode; empty while down. */
  readonly sandboxKey: string;
  readonly endpoints: readonly EndpointView[];
  /** `"80/tcp"` → where it is published; null for exposed only. Empty while down. */
  readonly ports: Readonly<Record<string, readonly { readonly hostIp: string; readonly hostPort: string }[] | null>>;
}

/** What a user should know of a network of theirs. */
export interface NetworkWarning {
  readonly network: string;
  readonly warning: string;
}

export type EngineEventAction = "create" | "destroy" | "connect" | "disconnect" | "prune" | "conflict" | "repair";

export interface EngineEvent {
  readonly action: EngineEventAction;
  readonly networkId: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly timeNano: bigint;
}

/** The engine as other rooms see it. Every method is one operation: all of it happens, or none. References are id, name or unique id prefix. */
export interface Engine {
  createNetwork(spec: NetworkSpec): Promise<{ readonly id: string; readonly warning: string }>;
  removeNetwork(reference: string): Promise<void>;
  /** Prunes unused custom networks that `keep` does not hold back. @returns names removed */
  pruneNetworks(keep: (network: NetworkView) => boolean): Promise<readonly string[]>;
  findNetwork(reference: string): NetworkView;
  listNetworks(): readonly NetworkView[];

  /** Records what a container wants; validates it; touches no kernel. Called at container create. */
  declareSandbox(spec: SandboxSpec): Promise<void>;
  /** Changes the recorded want of a container that is down (`docker update`, lazily resolved links). */
  renameSandbox(containerId: string, name: string): Promise<void>;
  /** Builds namespace, interfaces, addresses, names and ports. Idempotent while up. @throws with everything undone */
  openSandbox(containerId: string): Promise<SandboxView>;
  /** Takes the interfaces away; addresses stay the container's. The namespace stays while another container has joined it. */
  closeSandbox(containerId: string): Promise<void>;
  /** The container is gone: its addresses are free again. */
  forgetSandbox(containerId: string): Promise<void>;
  connect(networkReference: string, containerId: string, spec: EndpointSpec): Promise<void>;
  disconnect(networkReference: string, containerId: string, force: boolean): Promise<void>;
  describeSandbox(containerId: string): SandboxStateView;
  onEvent(listener: (event: EngineEvent) => void): () => void;
}

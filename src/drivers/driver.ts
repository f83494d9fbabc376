import type { Family } from "#base";
import type { DesiredState, NamespaceRef } from "#fabric";

/**
 * A network driver: pure functions from what was asked and the host's facts to desired state. No kernel, no store, no clock.
 * The engine calls `check` once when a network is made (before any address is taken), `network` for what the network itself needs, and
 * `endpoint` for each container on it; both again at every start-up and repair, so equal input must give equal output.
 */
export interface Driver {
  readonly name: string;
  readonly scope: "local" | "global";
  readonly traits: DriverTraits;
  /** Validates options in Docker's words and says what the network will need. @throws FairwayError */
  check(request: NetworkRequest, host: HostFacts): NetworkNeeds;
  network(network: NetworkModel, host: HostFacts): DesiredState;
  endpoint(network: NetworkModel, endpoint: EndpointModel, host: HostFacts): DesiredState;
  /** What a container with that bare address uses as its gateway. */
  gateway(network: NetworkModel, address: string, host: HostFacts): string | undefined;
  /** The host's own interface on the network and its addresses there, through which it can route; undefined where it has none. */
  hostLeg(network: NetworkModel, host: HostFacts): HostLeg | undefined;
  /** How a port of a container on this network becomes reachable from outside; the engine turns it into elements or redirects. */
  publishing(network: NetworkModel, host: HostFacts): Publishing;
}

/**
 * `nat`: a host port is taken and translated; `open`: no host port, the container's own port is let through (`bridge` names the interface the
 * opening is for); `inside`: a redirect in the sandbox, the container is on the LAN itself; `none`: ports are ignored.
 */
export interface Publishing {
  readonly v4: "nat" | "open" | "inside" | "none";
  readonly v6: "nat" | "open" | "inside" | "none";
  readonly bridge?: string;
  /** Default host address for bindings that name none. */
  readonly hostBinding: string;
}

export interface HostLeg {
  readonly link: string;
  /** Bare addresses that containers can use as next hop. */
  readonly v4?: string;
  readonly v6?: string;
}

export interface DriverTraits {
  /** Containers of the network have interfaces, addresses and names; false for host and none. */
  readonly hasEndpoints: boolean;
  /** Published ports are served through the host's addresses. */
  readonly publishesPorts: boolean;
  /** An address-derived MAC `02:42:…` is given; false where children share the parent's. */
  readonly givesMac: boolean;
  /** Several networks may use one subnet when their ranges differ. */
  readonly sharesSubnets: boolean;
  /** At most one network of this driver, as host and none. */
  readonly single: boolean;
}

/** What the user asked for, checked for form only. */
export interface NetworkRequest {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
  /** Subnets and gateways as the user gave them. */
  readonly subnets: readonly {
    readonly family: Family;
    readonly subnet: string;
    readonly gateway?: string;
    readonly auxiliary?: Readonly<Record<string, string>>;
  }[];
  /** The other networks there are, for exclusivity rules (bridge names, passthru parents). Asked only when a rule needs it. */
  others(): Iterable<NetworkModel>;
}

export interface NetworkNeeds {
  /** Whether ipam takes a gateway address in pools where the user gave none. */
  readonly gateway4: boolean;
  readonly gateway6: boolean;
  /** Options to record beside the user's, shown by inspect. */
  readonly options?: Readonly<Record<string, string>>;
  readonly internal?: boolean;
  /** Names of auxiliary addresses that ipam takes in every pool where the user gave none of that name; the driver finds them in `Pool.auxiliary`. */
  readonly auxiliary?: readonly string[];
  /** `NetworkModel.found`, to be recorded. */
  readonly found?: readonly string[];
  /** Told to the user as the `Warning` of network create. */
  readonly warnings: readonly string[];
}

export interface Pool {
  readonly family: Family;
  /** `172.18.0.0/16` */
  readonly subnet: string;
  readonly range?: string;
  /** The address containers use as gateway and, unless `auxiliary` names another, the bridge holds. */
  readonly gateway?: string;
  readonly auxiliary: Readonly<Record<string, string>>;
}

export interface NetworkModel {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly pools: readonly Pool[];
  /** With prefix length: what somebody else's device had when the network took it into use, and is to have when the network is gone. */
  readonly found?: readonly string[];
}

export interface EndpointModel {
  /** 64 hex digits. */
  readonly id: string;
  readonly sandbox: NamespaceRef;
  /** The interface's name in the container, `eth0`. */
  readonly ifname: string;
  /** `10.0.0.2/24` */
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly linkLocal: readonly string[];
  readonly mac?: string;
  /** This endpoint carries the sandbox's default route of that family. */
  readonly default4: boolean;
  readonly default6: boolean;
  /** In a sandbox of several interfaces: mark and routing table of replies to what comes in by this one. */
  readonly replies?: number;
  /** Holes that legacy links of this endpoint make in icc=false. */
  readonly links: readonly LinkHole[];
  /** `com.docker.network.endpoint.*` and other endpoint driver options. */
  readonly options: Readonly<Record<string, string>>;
}

/** `--link` on a network with icc=false: this endpoint may reach that address and port. */
export interface LinkHole {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly server: string;
  readonly port: number;
}

/** What a driver may know of the host. */
export interface HostFacts {
  /** One link of the host's namespace by name: one request, whatever their number. */
  link(name: string): HostLink | undefined;
  links(): readonly HostLink[];
  /** Daemon-wide defaults from its flags. */
  readonly defaults: {
    readonly mtu: number;
    readonly icc: boolean;
    readonly ipMasq: boolean;
    readonly ipForward: boolean;
    readonly firewall: boolean;
    readonly hostBinding: string;
    readonly allowDirectRouting: boolean;
  };
}

export interface HostLink {
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
  /** IFF_LOWER_UP: the cable is in. */
  readonly carrier?: boolean;
  /** IFF_PROMISC, as somebody set it. */
  readonly promiscuous?: boolean;
  /** The kernel driver of a physical or virtual NIC, `virtio_net`; none for links made by software. */
  readonly driver?: string | undefined;
  /** An SR-IOV virtual function. */
  readonly virtualFunction?: boolean;
  /** `10.0.0.1/24` */
  readonly addresses: readonly string[];
}

/** `veth` and seven hex digits of the endpoint's id: stable, so that a repair makes the same name. */
export const hostLinkName = (endpointId: string): string => `veth${endpointId.slice(0, 7)}`;

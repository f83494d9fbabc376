/**
 * Desired state: what one owner (a network, an endpoint, the host) wants to exist in the kernel, as plain data.
 * Drivers compute it, `fabric` diffs and applies it. Addresses, prefixes and MACs are canonical text.
 */

/** `"host"` is the daemon's own network namespace; anything else is the path of a namespace file. */
export type NamespaceRef = string;

/** What is particular to a link's kind (`IFLA_INFO_KIND`, `IFLA_INFO_DATA`). */
export type LinkData =
  | { readonly kind: "bridge"; readonly multicastSnooping?: boolean }
  | { readonly kind: "veth"; readonly peer: VethPeer }
  | { readonly kind: "macvlan"; readonly parent: string; readonly mode: "bridge" | "private" | "vepa" | "passthru" }
  | { readonly kind: "ipvlan"; readonly parent: string; readonly mode: "l2" | "l3" | "l3s"; readonly flag: "bridge" | "private" | "vepa" }
  | { readonly kind: "vlan"; readonly parent: string; readonly id: number }
  | { readonly kind: "dummy" }
  | {
      readonly kind: "vxlan";
      readonly vni: number;
      readonly local?: string;
      readonly parent?: string;
      readonly port: number;
      readonly learning: boolean;
      readonly proxy: boolean;
    };

/** The other end of a veth: made in `ns` in the same message as the link itself. */
export interface VethPeer {
  readonly ns: NamespaceRef;
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
}

/**
 * A link of ours. `alias` is `fairway:<kind>:<id>` (IFLA_IFALIAS). For macvlan, ipvlan and vlan the parent lives in the host's namespace while
 * the link itself is made in `ns`. A veth's `ns` is that of its host end.
 */
export interface LinkItem {
  readonly type: "link";
  readonly ns: NamespaceRef;
  readonly name: string;
  readonly data: LinkData;
  readonly alias: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly up: boolean;
  /** The bridge this link is a port of. */
  readonly master?: string;
  readonly hairpin?: boolean;
  /** IFLA_PROMISCUITY is wanted on the link. */
  readonly promiscuous?: boolean;
}

/** Attributes of a link that another item or somebody else made: lo, a veth's peer, an adopted bridge, a parent. Never created or deleted. */
export interface LinkSettingItem {
  readonly type: "link-setting";
  readonly ns: NamespaceRef;
  readonly name: string;
  readonly up?: boolean;
  readonly mac?: string;
  readonly mtu?: number;
  readonly promiscuous?: boolean;
}

export interface AddressItem {
  readonly type: "address";
  readonly ns: NamespaceRef;
  readonly link: string;
  /** `10.0.0.1/24`, `fd00::1/64` */
  readonly address: string;
  /** IFA_F_NODAD; ours are allocated, not guessed. */
  readonly noDad?: boolean;
}

export interface RouteItem {
  readonly type: "route";
  readonly ns: NamespaceRef;
  readonly link: string;
  /** A prefix; `0.0.0.0/0` and `::/0` are the default routes. */
  readonly destination: string;
  readonly gateway?: string;
  readonly source?: string;
  readonly metric?: number;
  /** 254 (main) unless given. */
  readonly table?: number;
  /** RTNH_F_ONLINK: the gateway is on the link though no address of ours says so. */
  readonly onlink?: boolean;
}

/** A policy rule, `ip rule add from … lookup …`. */
export interface RuleItem {
  readonly type: "rule";
  readonly ns: NamespaceRef;
  readonly family: 4 | 6;
  readonly priority: number;
  readonly from?: string;
  readonly to?: string;
  /** `fwmark` */
  readonly mark?: number;
  readonly table: number;
}

export interface NeighbourItem {
  readonly type: "neighbour";
  readonly ns: NamespaceRef;
  readonly link: string;
  readonly address: string;
  readonly mac: string;
}

export interface FdbItem {
  readonly type: "fdb";
  readonly ns: NamespaceRef;
  readonly link: string;
  readonly mac: string;
  /** VTEP address (NDA_DST) for vxlan. */
  readonly destination?: string;
}

/**
 * A file under /proc/sys, `net/ipv4/conf/eth0/rp_filter`. Those of a link are written once it is made and before it has addresses; a value stays when
 * nobody wants it any more.
 */
export interface SysctlItem {
  readonly type: "sysctl";
  readonly ns: NamespaceRef;
  readonly key: string;
  readonly value: string;
  /** Leave it be when the file does not exist, as net/bridge/* without br_netfilter. */
  readonly optional?: boolean;
}

/** An element of a set or map that `sets.ts` declares. Key and value parts are nft's own text for them. */
export interface ElementItem {
  readonly type: "element";
  readonly set: SetName;
  /** One part a key field: `["tcp", "0.0.0.0/0", "8080"]`; ranges `"8000-8100"` and prefixes only in interval sets. */
  readonly key: readonly string[];
  /** For maps: data fields, or the verdict as `["accept"]`, `["drop"]`, `["goto", "routed"]`. */
  readonly value?: readonly string[];
}

/** The small ruleset inside a sandbox: port 53 of 127.0.0.11 redirected to the embedded DNS, published ports of LAN drivers, marks of replies. */
export interface SandboxTableItem {
  readonly type: "sandbox-table";
  readonly ns: NamespaceRef;
  readonly dns?: { readonly address: string; readonly udpPort: number; readonly tcpPort: number };
  readonly redirects?: readonly { readonly proto: "tcp" | "udp" | "sctp"; readonly from: string; readonly to: number }[];
  /** Replies to connections that came in by an interface carry its mark. */
  readonly replies?: readonly { readonly ifname: string; readonly mark: number }[];
}

export type Item =
  | LinkItem
  | LinkSettingItem
  | AddressItem
  | RouteItem
  | RuleItem
  | NeighbourItem
  | FdbItem
  | SysctlItem
  | ElementItem
  | SandboxTableItem;

export type DesiredState = readonly Item[];

export type SetName = keyof typeof import("./sets.ts").SETS;

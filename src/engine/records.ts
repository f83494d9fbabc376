import type { Pool } from "#drivers";
import type { EndpointSpec, IpamRequest, SandboxSpec } from "./types.ts";

/** What the store keeps. A record's presence is the intent: whatever it says is made true at the next start. */

/** `network/<id>` */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
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
  /** As asked; what was allocated is in `pools`. */
  readonly ipam: IpamRequest;
  readonly pools: readonly Pool[];
  /** `NetworkModel.found` */
  readonly found?: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** `sandbox/<container id>` */
export interface SandboxRecord {
  readonly spec: SandboxSpec;
  /** New at each opening; empty before the first. */
  readonly sandboxId: string;
  readonly up: boolean;
  readonly attachments: readonly Attachment[];
  /** Host ports held while up. */
  readonly published: readonly Publication[];
}

/** A container's place on a network: kept from connect to disconnect, with its addresses, whether the container runs or not. */
export interface Attachment {
  /** Id or name as it was given while the network was not known. */
  readonly network: string;
  readonly spec: EndpointSpec;
  /** Id of the network; empty until it has been resolved once. */
  readonly networkId: string;
  /** Empty while down. */
  readonly endpointId: string;
  readonly ifname: string;
  /** `10.0.0.2/24`; kept while down. */
  readonly ipv4: string;
  readonly ipv6: string;
  readonly mac: string;
}

/** One published port or range, and the endpoint's network that serves it. */
export interface Publication {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly hostIp: string;
  readonly hostPort: number;
  readonly hostPortEnd: number;
  readonly containerPort: number;
  readonly networkId: string;
}

/** `join/<id>/<id>`: two networks with a route between them through the host; ids in order. */
export interface JoinRecord {
  readonly networks: readonly [string, string];
}

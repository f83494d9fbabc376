/** Response shapes of the network endpoints, Docker's field names; RFC 3339 times, CIDR texts. */

export interface IpamPoolJson {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

export interface NetworkEndpointJson {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  IPv4Address: string;
  IPv6Address: string;
}

export interface NetworkJson {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: { Driver: string; Options: Readonly<Record<string, string>> | null; Config: readonly IpamPoolJson[] | null };
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  /** Key: container id. Empty in lists. */
  Containers: Readonly<Record<string, NetworkEndpointJson>>;
  Options: Readonly<Record<string, string>>;
  Labels: Readonly<Record<string, string>>;
}

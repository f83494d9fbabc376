import type { IpamPoolJson, NetworkJson } from "#api";
import type { NetworkView, PoolRequest } from "#engine";
import { sortedRecord } from "../json.ts";

/** Docker's network object, its fields in Docker's order and its maps sorted, as Go writes them. Lists leave `Containers` empty. */
export function networkJson(network: NetworkView, detail: "list" | "inspect"): NetworkJson {
  const { ipam } = network;
  const containers = detail === "list" ? [] : network.endpoints;
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: network.scope,
    Driver: network.driver,
    EnableIPv4: network.ipv4,
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: ipam.driver,
      Options: ipam.options && sortedRecord(ipam.options),
      Config: ipam.config === null ? null : ipam.config.map(poolJson),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: network.ingress,
    ConfigFrom: { Network: network.configFrom },
    ConfigOnly: network.configOnly,
    Containers: sortedRecord(
      Object.fromEntries(
        containers.map((endpoint) => [
          endpoint.containerId || `ep-${endpoint.endpointId}`,
          {
            Name: endpoint.containerName,
            EndpointID: endpoint.endpointId,
            MacAddress: endpoint.mac,
            IPv4Address: endpoint.ipv4,
            IPv6Address: endpoint.ipv6,
          },
        ]),
      ),
    ),
    Options: sortedRecord(network.options),
    Labels: sortedRecord(network.labels),
  };
}

function poolJson({ subnet, range, gateway, auxiliary }: PoolRequest): IpamPoolJson {
  return {
    ...(subnet ? { Subnet: subnet } : {}),
    ...(range ? { IPRange: range } : {}),
    ...(gateway ? { Gateway: gateway } : {}),
    ...(auxiliary && Object.keys(auxiliary).length > 0 ? { AuxiliaryAddresses: sortedRecord(auxiliary) } : {}),
  };
}

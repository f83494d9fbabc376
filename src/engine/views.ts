import type { NetworkRecord, SandboxRecord } from "./records.ts";
import type { State } from "./state.ts";
import type { EndpointView, NetworkEndpointView, NetworkView, PoolRequest, SandboxStateView } from "./types.ts";

export const PREDEFINED = new Set(["bridge", "host", "none"]);

export function networkView(state: State, record: NetworkRecord): NetworkView {
  const endpoints: NetworkEndpointView[] = [];
  for (const sandbox of state.membersOf(record.id)) {
    if (!sandbox.up) continue;
    const attachment = sandbox.attachments.find(({ networkId }) => networkId === record.id);
    if (!attachment || attachment.endpointId === "") continue;
    endpoints.push({
      containerId: sandbox.spec.containerId,
      containerName: sandbox.spec.containerName,
      endpointId: attachment.endpointId,
      mac: attachment.mac,
      ipv4: attachment.ipv4,
      ipv6: attachment.ipv6,
    });
  }
  const { id, name, created, driver, scope, ipv4, ipv6, internal, attachable, ingress, configOnly, configFrom, options, labels } = record;
  const config = record.pools.length > 0 ? record.pools.map(poolJson) : PREDEFINED.has(name) || configOnly ? null : [];
  return {
    ...{ id, name, created, driver, scope, ipv4, ipv6, internal, attachable, ingress, configOnly, configFrom, options, labels, endpoints },
    ipam: { driver: record.ipam.driver, options: record.ipam.options, config },
    predefined: PREDEFINED.has(name),
  };
}

function poolJson(pool: NetworkRecord["pools"][number]): PoolRequest {
  return {
    subnet: pool.subnet,
    ...(pool.range === undefined ? {} : { range: pool.range }),
    ...(pool.gateway === undefined ? {} : { gateway: pool.gateway }),
    ...(Object.keys(pool.auxiliary).length > 0 ? { auxiliary: pool.auxiliary } : {}),
  };
}

const addressOf = (prefixed: string): string => prefixed.slice(0, Math.max(0, prefixed.indexOf("/")));
const lengthOf = (prefixed: string): number => (prefixed === "" ? 0 : Number(prefixed.slice(prefixed.indexOf("/") + 1)));

/** `gatewayOf` gives what a container with that bare address on the network uses as gateway, or empty. */
export function sandboxStateView(
  state: State,
  record: SandboxRecord,
  parts: {
    key: string;
    ports: SandboxStateView["ports"];
    dnsNames(record: SandboxRecord, networkId: string): readonly string[] | null;
    gatewayOf(network: NetworkRecord, address: string): string;
  },
): SandboxStateView {
  const endpoints = record.attachments.map((attachment): EndpointView => {
    const network = state.network(attachment.networkId);
    const up = record.up && attachment.endpointId !== "";
    const [ipv4, ipv6] = up ? [attachment.ipv4, attachment.ipv6] : ["", ""];
    return {
      networkName: network?.name ?? attachment.network,
      networkId: attachment.networkId,
      spec: attachment.spec,
      endpointId: up ? attachment.endpointId : "",
      gateway: up && network && ipv4 !== "" ? parts.gatewayOf(network, addressOf(ipv4)) : "",
      ipv4: addressOf(ipv4),
      ipv4Prefix: lengthOf(ipv4),
      ipv6Gateway: up && network && ipv6 !== "" ? parts.gatewayOf(network, addressOf(ipv6)) : "",
      ipv6: addressOf(ipv6),
      ipv6Prefix: lengthOf(ipv6),
      mac: up ? attachment.mac : "",
      dnsNames: network ? parts.dnsNames(record, network.id) : null,
    };
  });
  return {
    sandboxId: record.up ? record.sandboxId : "",
    sandboxKey: record.up ? parts.key : "",
    endpoints,
    ports: record.up ? parts.ports : {},
  };
}

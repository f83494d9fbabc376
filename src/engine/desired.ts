import { shortId } from "#base";
import type { Driver, EndpointModel, HostFacts, LinkHole, NetworkModel } from "#drivers";
import type { DesiredState, Item, SandboxTableItem } from "#fabric";
import type { Attachment, NetworkRecord } from "./records.ts";

/** Names of fabric's scopes: who wants what. */
export const networkScope = (id: string): string => `network/${id}`;
/** A parent that a network which is being made needs before it is there itself. */
export const parentScope = (networkId: string): string => `parent/${networkId}`;
/** What is left of a network that is gone or has changed. */
export const traceScope = (networkId: string): string => `trace/${networkId}`;
export const endpointScope = (id: string): string => `endpoint/${id}`;
export const sandboxScope = (containerId: string): string => `sandbox/${containerId}`;

/** The file of a sandbox's namespace. It stays one container's, so that a container that joined it finds it again after a restart. */
export const namespacePath = (execRoot: string, containerId: string): string => `${execRoot}/netns/${shortId(containerId)}`;

export const modelOf = ({ id, name, driver, ipv4, ipv6, internal, options, pools, found }: NetworkRecord): NetworkModel => ({
  ...{ id, name, driver, ipv4, ipv6, internal, options, pools },
  ...(found ? { found } : {}),
});

export function networkState(driver: Driver, network: NetworkRecord, facts: HostFacts): DesiredState {
  return network.configOnly ? [] : driver.network(modelOf(network), facts);
}

/** What a namespace of ours has whatever networks it is on. */
export function sandboxState(
  ns: string,
  sysctls: Readonly<Record<string, string>>,
  table?: Omit<SandboxTableItem, "type" | "ns">,
): DesiredState {
  const items: Item[] = Object.entries(sysctls).map(([key, value]) => ({ type: "sysctl", ns, key: key.replaceAll(".", "/"), value }));
  if (table) items.push({ type: "sandbox-table", ns, ...table });
  return items;
}

export function endpointModel(
  ns: string,
  attachment: Attachment,
  role: { default4: boolean; default6: boolean; replies?: number | undefined; links: readonly LinkHole[] },
): EndpointModel {
  return {
    id: attachment.endpointId,
    sandbox: ns,
    ifname: attachment.ifname,
    ...(attachment.ipv4 === "" ? {} : { ipv4: attachment.ipv4 }),
    ...(attachment.ipv6 === "" ? {} : { ipv6: attachment.ipv6 }),
    linkLocal: (attachment.spec.linkLocal ?? []).map((address) => `${address}${address.includes(":") ? "/64" : "/16"}`),
    ...(attachment.mac === "" ? {} : { mac: attachment.mac }),
    default4: role.default4,
    default6: role.default6,
    ...(role.replies === undefined ? {} : { replies: role.replies }),
    links: role.links,
    options: attachment.spec.driverOptions ?? {},
  };
}

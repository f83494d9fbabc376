import type { Attachment, NetworkRecord, SandboxRecord } from "./records.ts";
import type { State } from "./state.ts";

/** An attachment with its network, in the order that decides gateways, names and ports. */
export interface Placed {
  readonly attachment: Attachment;
  readonly network: NetworkRecord;
}

/** The attachments of an open sandbox, with their networks. */
export const placedOf = (state: State, record: SandboxRecord): Placed[] =>
  record.attachments.flatMap((attachment) => {
    const network = state.network(attachment.networkId);
    return network && attachment.endpointId !== "" ? [{ attachment, network }] : [];
  });

/**
 * Docker's endpoint order (libnetwork Sandbox.Less): gateway priority, then networks with a way out, then dual stack, then the network's name.
 * The first with a gateway of a family gives the sandbox its default route of that family.
 */
export function inGatewayOrder(placed: readonly Placed[]): Placed[] {
  return [...placed].sort((a, b) => {
    const priority = (b.attachment.spec.gwPriority ?? 0) - (a.attachment.spec.gwPriority ?? 0);
    if (priority !== 0) return priority;
    if (a.network.internal !== b.network.internal) return a.network.internal ? 1 : -1;
    const families = gatewayFamilies(b) - gatewayFamilies(a);
    if (families !== 0) return families;
    return a.network.name < b.network.name ? -1 : a.network.name > b.network.name ? 1 : 0;
  });
}

const gatewayFamilies = ({ network }: Placed): number =>
  new Set(network.pools.filter(({ gateway }) => gateway).map(({ family }) => family)).size;

/** Which network carries the default route of each family; undefined where none can. */
export function defaultRoutes(placed: readonly Placed[]): { v4?: string; v6?: string } {
  const ordered = inGatewayOrder(placed).filter(({ network }) => !network.internal);
  const v4 = ordered.find(({ network, attachment }) => attachment.ipv4 !== "" && canRoute(network, 4));
  const v6 = ordered.find(({ network, attachment }) => attachment.ipv6 !== "" && canRoute(network, 6));
  return { ...(v4 ? { v4: v4.network.id } : {}), ...(v6 ? { v6: v6.network.id } : {}) };
}

/** ipvlan l3 routes by device alone; everything else needs a gateway address. */
function canRoute(network: NetworkRecord, family: 4 | 6): boolean {
  if (network.driver === "ipvlan" && /^l3s?$/.test(network.options.ipvlan_mode ?? "")) return true;
  return network.pools.some(
    (pool) => pool.family === family && (pool.gateway ?? pool.auxiliary[`DefaultGatewayIPv${family}`]) !== undefined,
  );
}

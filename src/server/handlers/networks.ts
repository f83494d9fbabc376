import type { BodyOf, Endpoints } from "#api";
import { atLeast } from "#api";
import { invalid, notFound } from "#base";
import type { EndpointSpec, NetworkSpec, PoolRequest } from "#engine";
import type { Handlers } from "../handlers.ts";
import { networkListFilter, networkPruneKeep } from "../network-filters.ts";
import { onePruneAtATime } from "../prune.ts";
import { networkJson } from "../render/network.ts";
import type { HandlerContext } from "../types.ts";

type CreateBody = BodyOf<Endpoints["networkCreate"]>;
type Settings = NonNullable<BodyOf<Endpoints["networkConnect"]>["EndpointConfig"]>;

const filled = <K extends string, V>(key: K, value: V | undefined | ""): { [P in K]?: V } =>
  value === undefined || value === "" ? {} : ({ [key]: value } as { [P in K]: V });

/** The engine's request for a body of network create; EnableIPv4 came with API 1.48 and is ignored before. */
export function networkSpec(body: CreateBody, version: string): NetworkSpec {
  const pools = (body.IPAM?.Config ?? []).map(
    (pool): PoolRequest => ({
      ...filled("subnet", pool.Subnet),
      ...filled("range", pool.IPRange),
      ...filled("gateway", pool.Gateway),
      ...filled("auxiliary", pool.AuxiliaryAddresses),
    }),
  );
  return {
    name: body.Name ?? "",
    ...filled("driver", body.Driver),
    ...filled("scope", body.Scope),
    ...(atLeast(version, "1.48") ? filled("ipv4", body.EnableIPv4) : {}),
    ...filled("ipv6", body.EnableIPv6),
    ...filled("internal", body.Internal),
    ...filled("attachable", body.Attachable),
    ...filled("ingress", body.Ingress),
    ...filled("configOnly", body.ConfigOnly),
    ...filled("configFrom", body.ConfigFrom?.Network),
    ...(body.IPAM ? { ipam: { driver: body.IPAM.Driver || "default", options: body.IPAM.Options ?? null, config: pools } } : {}),
    ...filled("options", body.Options),
    ...filled("labels", body.Labels),
  };
}

/** What an endpoint is asked to be. `network connect` takes a MAC from API 1.44 on and a gateway priority from 1.48 on. */
export function endpointSpec(settings: Settings | null | undefined, version: string): EndpointSpec {
  if (!settings) return {};
  return {
    ...filled("ipv4", settings.IPAMConfig?.IPv4Address),
    ...filled("ipv6", settings.IPAMConfig?.IPv6Address),
    ...filled("linkLocal", settings.IPAMConfig?.LinkLocalIPs),
    ...filled("aliases", settings.Aliases),
    ...filled("links", settings.Links),
    ...(atLeast(version, "1.44") ? filled("mac", settings.MacAddress) : {}),
    ...filled("driverOptions", settings.DriverOpts),
    ...(atLeast(version, "1.48") ? filled("gwPriority", settings.GwPriority) : {}),
  };
}

type NetworkHandlers = Pick<
  Handlers,
  "networkList" | "networkInspect" | "networkCreate" | "networkConnect" | "networkDisconnect" | "networkDelete" | "networkPrune"
>;

export function networkHandlers({ engine, containers, events, now }: HandlerContext): NetworkHandlers {
  const prune = onePruneAtATime();
  return {
    async networkList({ query }) {
      const wanted = networkListFilter(query.filters);
      return engine
        .listNetworks()
        .filter(wanted)
        .map((network) => networkJson(network, "list"));
    },
    async networkInspect({ params, query }) {
      const network = engine.findNetwork(params.id!);
      if (query.scope && query.scope !== network.scope) throw notFound(`network ${params.id} not found`, { code: "no-such-network" });
      return networkJson(network, "inspect");
    },
    async networkCreate({ body, version }) {
      const { id, warning } = await engine.createNetwork(networkSpec(body, version));
      return { Id: id, Warning: warning };
    },
    async networkConnect({ params, body, version }) {
      const container = containers.resolve(requireContainer(body.Container));
      await engine.connect(params.id!, container, endpointSpec(body.EndpointConfig, version));
    },
    async networkDisconnect({ params, body }) {
      const reference = requireContainer(body.Container);
      await engine.disconnect(params.id!, resolveOr(reference, body.Force === true), body.Force === true);
    },
    async networkDelete({ params }) {
      await engine.removeNetwork(params.id!);
    },
    async networkPrune({ query }) {
      const keep = networkPruneKeep(query.filters, now?.() ?? new Date());
      return prune(async () => {
        const removed = await engine.pruneNetworks(keep);
        events.pruned("network", 0);
        return { NetworksDeleted: removed.length > 0 ? removed : null };
      });
    },
  };

  /** With force, a container that is gone may still have an endpoint to clear away. */
  function resolveOr(reference: string, force: boolean): string {
    try {
      return containers.resolve(reference);
    } catch (error) {
      if (force) return reference;
      throw error;
    }
  }
}

function requireContainer(reference: string | undefined): string {
  if (!reference) throw invalid("invalid container name or ID: value is empty", { code: "no-container" });
  return reference;
}

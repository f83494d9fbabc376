import { parseMac } from "#base";
import type { EndpointSpec, SandboxSpec } from "#engine";
import { bindingsOf } from "./port-records.ts";
import type { ContainerRecord } from "./record.ts";
import type { ContainerCreateBody, EndpointSettingsJson } from "./types.ts";
import { containerMode } from "./validate.ts";

export interface SandboxContext {
  /** What NetworkMode `default` means; `none` when there is no default bridge. */
  readonly defaultNetwork: string;
  readonly filesDir: string;
  /** True when both words name the same network. */
  sameNetwork(a: string, b: string): boolean;
  /** Full id of a container; throws when there is none. */
  containerId(reference: string): string;
}

const present = (list: readonly string[] | null | undefined): readonly string[] | undefined => (list?.length ? list : undefined);

export function endpointSpec(settings: EndpointSettingsJson | null | undefined): EndpointSpec {
  const ipam = settings?.IPAMConfig;
  const [linkLocal, aliases, links] = [present(ipam?.LinkLocalIPs), present(settings?.Aliases), present(settings?.Links)];
  return {
    ...(ipam?.IPv4Address ? { ipv4: ipam.IPv4Address } : {}),
    ...(ipam?.IPv6Address ? { ipv6: ipam.IPv6Address } : {}),
    ...(linkLocal ? { linkLocal } : {}),
    ...(aliases ? { aliases } : {}),
    ...(links ? { links } : {}),
    ...(settings?.MacAddress ? { mac: parseMac(settings.MacAddress) } : {}),
    ...(settings?.DriverOpts ? { driverOptions: settings.DriverOpts } : {}),
    ...(settings?.GwPriority ? { gwPriority: settings.GwPriority } : {}),
  };
}

/** `80`, `80/TCP` → `80/tcp` */
const portKey = (port: string): string => {
  const [number = "", protocol = "tcp"] = port.split("/") as [string, string?];
  return `${number}/${protocol.toLowerCase()}`;
};

/** The networks to join: the network mode's first, then the others of EndpointsConfig in the order given. */
function endpointsOf(
  record: ContainerRecord,
  networking: ContainerCreateBody["NetworkingConfig"],
  primary: string,
  context: SandboxContext,
): SandboxSpec["endpoints"] {
  const given = Object.entries(networking?.EndpointsConfig ?? {}).map(
    ([network, settings]) => [network === "default" ? primary : network, settings] as const,
  );
  const own = given.find(([network]) => network === primary || context.sameNetwork(network, primary));
  const links = primary === context.defaultNetwork ? undefined : present(record.hostConfig.Links);
  const settings: EndpointSettingsJson = {
    ...own?.[1],
    ...(record.config.MacAddress && !own?.[1]?.MacAddress ? { MacAddress: record.config.MacAddress } : {}),
    ...(links ? { Links: [...(own?.[1]?.Links ?? []), ...links] } : {}),
  };
  return [
    { network: primary, spec: endpointSpec(settings) },
    ...given.filter((entry) => entry !== own).map(([network, each]) => ({ network, spec: endpointSpec(each) })),
  ];
}

/** Links of the default bridge; their targets must exist even where they lead nowhere. @throws notFound */
function legacyLinks(links: readonly string[] | null | undefined, used: boolean, context: SandboxContext): string[] {
  const resolved = (links ?? []).map((link) => {
    const [target = "", alias = target] = link.split(":");
    return `${context.containerId(target)}:${alias}`;
  });
  return used ? resolved : [];
}

/** What the engine is told of a new container. @throws notFound for a link's target */
export function sandboxSpec(
  record: ContainerRecord,
  networking: ContainerCreateBody["NetworkingConfig"],
  context: SandboxContext,
): SandboxSpec {
  const { hostConfig, config } = record;
  const given = hostConfig.NetworkMode || "default";
  const mode = given === "default" || given === "bridge" ? context.defaultNetwork : given;
  const joined = containerMode(mode);
  const network: SandboxSpec["network"] = config.NetworkDisabled
    ? { mode: "none" }
    : joined !== undefined
      ? { mode: "container", containerId: joined }
      : mode === "host" || mode === "none"
        ? { mode }
        : { mode: "networks" };
  const onNetworks = network.mode === "networks";
  return {
    containerId: record.id,
    containerName: record.name,
    network,
    endpoints: onNetworks ? endpointsOf(record, networking, mode, context) : [],
    hostname: config.Hostname ?? "",
    domainname: config.Domainname ?? "",
    dns: { servers: hostConfig.Dns ?? [], search: hostConfig.DnsSearch ?? [], options: hostConfig.DnsOptions ?? [] },
    extraHosts: hostConfig.ExtraHosts ?? [],
    ports: onNetworks ? Object.fromEntries(bindingsOf(hostConfig.PortBindings).map(([port, list]) => [portKey(port), list])) : {},
    exposed: Object.keys(config.ExposedPorts ?? {}).map(portKey),
    publishAll: hostConfig.PublishAllPorts ?? false,
    links: mode === context.defaultNetwork || mode === "none" ? legacyLinks(hostConfig.Links, onNetworks, context) : [],
    environment: config.Env ?? [],
    filesDir: context.filesDir,
    // Written by the runtime inside the namespace it joins, with the rest of the container's sysctls.
    sysctls: {},
  };
}

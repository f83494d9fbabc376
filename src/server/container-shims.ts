import { atLeast } from "#api";
import { invalid, shortId } from "#base";
import type { ContainerCreateBody, EndpointSettingsJson } from "#containers";

/**
 * What older API versions mean by the same body, brought to today's form before `containers` sees it, and today's inspect brought back to what older
 * clients read. Follows the rules of docker-behaviour.md section 1.
 */

const SYSCTLS_OPTION = "com.docker.network.endpoint.sysctls";
const MAC_WARNING = "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.";

/** @returns the body in today's form and warnings for the client. @throws invalidParameter in Docker's words */
export function upgradeCreateBody(given: ContainerCreateBody, version: string): { body: ContainerCreateBody; warnings: string[] } {
  const endpoints: Record<string, EndpointSettingsJson | null> = {};
  for (const [name, settings] of Object.entries(given.NetworkingConfig?.EndpointsConfig ?? {}))
    endpoints[name] = settings && { ...settings };
  const body: ContainerCreateBody = { ...given, HostConfig: { ...given.HostConfig } };
  const warnings: string[] = [];
  const names = Object.keys(endpoints);
  if (!atLeast(version, "1.44") && names.length > 1)
    throw invalid(`Container cannot be created with multiple network endpoints: ${names.join(", ")}`, { code: "many-endpoints" });
  moveMacAddress(body, endpoints, version, warnings);
  if (!atLeast(version, "1.48")) for (const settings of Object.values(endpoints)) if (settings) delete settings.GwPriority;
  moveInterfaceSysctls(body, endpoints, version, warnings);
  fillPortBindings(body);
  if (Object.keys(endpoints).length > 0) body.NetworkingConfig = { EndpointsConfig: endpoints };
  return { body, warnings };
}

/** The endpoint `--network` stands for, made when the client did not name it. */
function mainEndpoint(body: ContainerCreateBody, endpoints: Record<string, EndpointSettingsJson | null>): EndpointSettingsJson {
  const mode = body.HostConfig?.NetworkMode || "default";
  const candidates = mode === "default" ? ["default", "bridge"] : [mode];
  // A client may name the network by its id in one place and by its name in the other: a single endpoint is the main one.
  const names = Object.keys(endpoints);
  const name = candidates.find((candidate) => Object.hasOwn(endpoints, candidate)) ?? (names.length === 1 ? names[0]! : candidates.at(-1)!);
  return (endpoints[name] ??= {});
}

function moveMacAddress(
  body: ContainerCreateBody,
  endpoints: Record<string, EndpointSettingsJson | null>,
  version: string,
  warnings: string[],
): void {
  const mac = body.MacAddress;
  if (!atLeast(version, "1.44") && !mac) for (const settings of Object.values(endpoints)) if (settings) delete settings.MacAddress;
  if (!mac) return;
  const mode = body.HostConfig?.NetworkMode ?? "";
  if (mode === "host" || mode === "none" || mode.startsWith("container:")) {
    if (atLeast(version, "1.44")) return;
    throw invalid("conflicting options: mac-address and the network mode", { code: "mac-and-mode" });
  }
  const main = mainEndpoint(body, endpoints);
  if (atLeast(version, "1.44")) {
    warnings.push(MAC_WARNING);
    if (main.MacAddress && main.MacAddress.toLowerCase() !== mac.toLowerCase())
      throw invalid("the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty", {
        code: "two-macs",
      });
  }
  main.MacAddress = mac;
}

/** `net.ipv4.conf.eth0.x` was a container's sysctl up to API 1.47; since then it belongs to the endpoint, whose interface has whatever name. */
function moveInterfaceSysctls(
  body: ContainerCreateBody,
  endpoints: Record<string, EndpointSettingsJson | null>,
  version: string,
  warnings: string[],
): void {
  const sysctls = body.HostConfig?.Sysctls ?? {};
  const moved: string[] = [];
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(sysctls)) {
    const match = /^net\.([^.]+)\.([^.]+)\.(eth\d+)\.(.+)$/.exec(name);
    if (!match) {
      kept[name] = value;
      continue;
    }
    const [, family, kind, link, rest] = match;
    if (atLeast(version, "1.48") || link !== "eth0")
      throw invalid(`interface specific sysctl setting "${name}" must be supplied using driver option '${SYSCTLS_OPTION}'`, {
        code: "interface-sysctl",
      });
    moved.push(`net.${family}.${kind}.IFNAME.${rest}=${value}`);
  }
  if (moved.length === 0) return;
  const main = mainEndpoint(body, endpoints);
  const present = main.DriverOpts?.[SYSCTLS_OPTION];
  const text = [...(present ? [present] : []), ...moved].join(",");
  main.DriverOpts = { ...main.DriverOpts, [SYSCTLS_OPTION]: text };
  body.HostConfig = { ...body.HostConfig, Sysctls: kept };
  warnings.push(`Migrated sysctls of eth0 to DriverOpts{${JSON.stringify(SYSCTLS_OPTION)}:${JSON.stringify(text)}}.`);
}

/** `"80/tcp": []` asks for an ephemeral port, as `[{}]` does. */
function fillPortBindings(body: ContainerCreateBody): void {
  const bindings = body.HostConfig?.PortBindings;
  if (!bindings || Object.values(bindings).every((list) => list?.length)) return;
  body.HostConfig!.PortBindings = Object.fromEntries(
    Object.entries(bindings).map(([port, list]) => [port, list && list.length > 0 ? list : [{}]]),
  );
}

type Open = Record<string, unknown>;
const asObject = (value: unknown): Open => (typeof value === "object" && value !== null ? (value as Open) : {});

const LEGACY_FIELDS = {
  EndpointID: "",
  Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  MacAddress: "",
} as const;

/** Container inspect as the client's version has it; fields that are there already stay. */
export function downgradeInspect(inspect: Readonly<Open>, version: string): Open {
  const settings = asObject(inspect.NetworkSettings);
  const networks = asObject(settings.Networks);
  const bridge = asObject(networks.bridge);
  const legacy: Open = {
    Bridge: "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
  };
  for (const [field, empty] of Object.entries(LEGACY_FIELDS)) legacy[field] = bridge[field] ?? empty;
  const id = typeof inspect.Id === "string" ? shortId(inspect.Id) : "";
  const shaped = Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => [name, endpointFor(asObject(endpoint), name, id, version)]),
  );
  return { ...inspect, NetworkSettings: { ...legacy, ...settings, ...("Networks" in settings ? { Networks: shaped } : {}) } };
}

/** A row of container list as the client's version has it. */
export function downgradeRow(row: Readonly<Open>, version: string): Open {
  const settings = asObject(row.NetworkSettings);
  const networks = asObject(settings.Networks);
  const id = typeof row.Id === "string" ? shortId(row.Id) : "";
  const shaped = Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => {
      // The short id among the aliases is inspect's alone.
      const { Aliases } = asObject(endpoint);
      return [name, { ...endpointFor(asObject(endpoint), name, id, version), Aliases }];
    }),
  );
  return { ...row, NetworkSettings: { ...settings, Networks: shaped } };
}

function endpointFor(endpoint: Open, network: string, id: string, version: string): Open {
  const shaped = { ...endpoint };
  if (!atLeast(version, "1.48")) delete shaped.GwPriority;
  if (!atLeast(version, "1.44")) delete shaped.DNSNames;
  const userDefined = !["bridge", "host", "none", "default"].includes(network);
  if (!atLeast(version, "1.45") && userDefined && id !== "")
    shaped.Aliases = [...new Set([...((endpoint.Aliases as string[] | null) ?? []), id])];
  return shaped;
}

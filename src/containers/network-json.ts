import { FairwayError } from "#base";
import type { EndpointView, Engine, SandboxStateView } from "#engine";
import type { Container } from "./container.ts";
import { neverStarted } from "./record.ts";
import { containerMode } from "./validate.ts";

const EMPTY: SandboxStateView = { sandboxId: "", sandboxKey: "", endpoints: [], ports: {} };

/** What the engine says of a container; nothing when it does not know it, as when another request removes it meanwhile. */
export function sandboxOf(engine: Engine, id: string): SandboxStateView {
  try {
    return engine.describeSandbox(id);
  } catch (error) {
    if (error instanceof FairwayError && error.category === "notFound") return EMPTY;
    throw error;
  }
}

const orNull = <T>(list: readonly T[] | undefined): readonly T[] | null => (list?.length ? list : null);

/** EndpointSettings of inspect and ps. */
function endpointJson(view: EndpointView): Record<string, unknown> {
  const { spec } = view;
  const ipam = {
    ...(spec.ipv4 ? { IPv4Address: spec.ipv4 } : {}),
    ...(spec.ipv6 ? { IPv6Address: spec.ipv6 } : {}),
    ...(spec.linkLocal?.length ? { LinkLocalIPs: spec.linkLocal } : {}),
  };
  return {
    IPAMConfig: Object.keys(ipam).length > 0 ? ipam : null,
    Links: orNull(spec.links),
    Aliases: orNull(spec.aliases),
    MacAddress: view.mac,
    DriverOpts: spec.driverOptions ?? null,
    GwPriority: spec.gwPriority ?? 0,
    NetworkID: view.networkId,
    EndpointID: view.endpointId,
    Gateway: view.gateway,
    IPAddress: view.ipv4,
    IPPrefixLen: view.ipv4Prefix,
    IPv6Gateway: view.ipv6Gateway,
    GlobalIPv6Address: view.ipv6,
    GlobalIPv6PrefixLen: view.ipv6Prefix,
    DNSNames: view.dnsNames,
  };
}

/** NetworkSettings.Networks: by name, in the order attached. */
export function networksJson(container: Container, state: SandboxStateView): Record<string, unknown> {
  const networks: Record<string, unknown> = {};
  // Docker resolves a network when the container first starts.
  const never = neverStarted(container.record);
  for (const view of state.endpoints) networks[view.networkName] = endpointJson(never ? { ...view, networkId: "" } : view);
  return networks;
}

const portsJson = (state: SandboxStateView): Record<string, { HostIp: string; HostPort: string }[] | null> =>
  Object.fromEntries(
    Object.entries(state.ports).map(([port, bindings]) => [
      port,
      bindings === null ? null : bindings.map(({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: hostPort })),
    ]),
  );

/** NetworkSettings of inspect, with the old top-level fields that repeat the default bridge's endpoint. */
export function networkSettingsJson(engine: Engine, container: Container, defaultNetwork: string): Record<string, unknown> {
  const joined = containerMode(container.record.hostConfig.NetworkMode) !== undefined;
  const state = joined ? EMPTY : sandboxOf(engine, container.id);
  const main = state.endpoints.find(({ networkName }) => networkName === defaultNetwork);
  return {
    Bridge: "",
    SandboxID: state.sandboxId,
    SandboxKey: state.sandboxKey,
    Ports: portsJson(state),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: main?.endpointId ?? "",
    Gateway: main?.gateway ?? "",
    GlobalIPv6Address: main?.ipv6 ?? "",
    GlobalIPv6PrefixLen: main?.ipv6Prefix ?? 0,
    IPAddress: main?.ipv4 ?? "",
    IPPrefixLen: main?.ipv4Prefix ?? 0,
    IPv6Gateway: main?.ipv6Gateway ?? "",
    MacAddress: main?.mac ?? "",
    Networks: networksJson(container, state),
  };
}

/** The Ports of a `docker ps` row. */
export function portRows(state: SandboxStateView): { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[] {
  return Object.entries(state.ports).flatMap(
    ([port, bindings]): { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[] => {
      const [number = "0", Type = "tcp"] = port.split("/");
      const PrivatePort = Number(number);
      if (!bindings?.length) return [{ PrivatePort, Type }];
      return bindings.map(({ hostIp, hostPort }) => ({ IP: hostIp, PrivatePort, PublicPort: Number(hostPort), Type }));
    },
  );
}

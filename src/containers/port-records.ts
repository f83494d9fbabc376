import { compactBindings, compactExposed, expandBindings, expandPort, type PortBinding } from "#ports";
import type { ContainerRecord } from "./record.ts";
import type { ContainerConfig, HostConfig } from "./types.ts";

/**
 * Ports as a record keeps them, long ranges in one piece, and as clients see them. `-p 20000-36383:20000-36383/udp` comes as 16,384 bindings: one by
 * one they would be megabytes on disk at every change of the container, and in memory for as long as it lives.
 */

type DockerBindings = NonNullable<HostConfig["PortBindings"]>;

/** As the engine names the fields. No list and an empty one are one ephemeral port. */
export const bindingsOf = (given: HostConfig["PortBindings"]): [string, readonly PortBinding[]][] =>
  Object.entries(given ?? {}).map(([port, list]) => [
    port,
    (list?.length ? list : [{}]).map(({ HostIp = "", HostPort = "" }) => ({ hostIp: HostIp, hostPort: HostPort })),
  ]);

const asDocker = (bindings: Readonly<Record<string, readonly PortBinding[]>>): DockerBindings =>
  Object.fromEntries(
    Object.entries(bindings).map(([port, list]) => [port, list.map(({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: hostPort }))]),
  );

/** PortBindings with both fields each, to be kept. They have been checked. */
export const keptBindings = (given: HostConfig["PortBindings"]): DockerBindings | null =>
  given ? asDocker(compactBindings(bindingsOf(given))) : null;

/** ExposedPorts to be kept. They have been checked. */
export const keptExposed = (ports: readonly string[]): NonNullable<ContainerConfig["ExposedPorts"]> =>
  Object.fromEntries(compactExposed(ports).map((port) => [port, {}]));

/** A record's Config and HostConfig with every port by itself, as clients know them. */
export function shownPorts({ config, hostConfig }: ContainerRecord): { readonly Config: ContainerConfig; readonly HostConfig: HostConfig } {
  const { ExposedPorts } = config;
  const { PortBindings } = hostConfig;
  const exposed = Object.keys(ExposedPorts ?? {}).flatMap(expandPort);
  return {
    Config: ExposedPorts
      ? { ...config, ExposedPorts: Object.fromEntries(exposed.map(({ port, proto }) => [`${port}/${proto}`, {}])) }
      : config,
    HostConfig: PortBindings
      ? { ...hostConfig, PortBindings: asDocker(expandBindings(Object.fromEntries(bindingsOf(PortBindings)))) }
      : hostConfig,
  };
}

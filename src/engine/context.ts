import { type Log, nowNano } from "#base";
import type { Driver, HostFacts } from "#drivers";
import type { Fabric } from "#fabric";
import type { EngineConfig, HostPorts, HostProbe, Namespaces, SandboxSockets } from "./options.ts";
import type { NetworkRecord } from "./records.ts";
import type { State } from "./state.ts";
import type { EngineEvent, EngineEventAction } from "./types.ts";

/** What the engine's operations share. */
export interface Context {
  readonly state: State;
  readonly fabric: Fabric;
  readonly config: EngineConfig;
  readonly drivers: ReadonlyMap<string, Driver>;
  readonly namespaces: Namespaces;
  readonly host: HostProbe;
  readonly ports: HostPorts;
  readonly sockets: SandboxSockets;
  readonly log: Log;
  driver(name: string): Driver;
  facts(): HostFacts;
  emit(action: EngineEventAction, network: NetworkRecord, attributes: Readonly<Record<string, string>>): void;
}

export const networkEvent = (
  action: EngineEventAction,
  network: Pick<NetworkRecord, "id" | "name" | "driver">,
  attributes: Readonly<Record<string, string>>,
): EngineEvent => ({
  action,
  networkId: network.id,
  attributes: { name: network.name, type: network.driver, ...attributes },
  timeNano: nowNano(),
});

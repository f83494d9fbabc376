import { FairwayError, familyOf, forbidden, invalid, newId, notFound, rfc3339Nano } from "#base";
import { type Driver, parseBool } from "#drivers";
import { isDhcp } from "./dhcp-network.ts";
import type { NetworkRecord } from "./records.ts";
import { nameTaken, type State } from "./state.ts";
import type { IpamRequest, NetworkSpec } from "./types.ts";
import { PREDEFINED } from "./views.ts";

export type DraftNetwork = Omit<NetworkRecord, "pools">;

const NOT_SUPPORTED =
  "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.";

/**
 * What was asked, completed with defaults and checked in the order in which Docker checks it (docker-behaviour.md section 1.1, steps 1 to 8).
 * @throws FairwayError in Docker's words
 */
export function draftNetwork(
  spec: NetworkSpec,
  context: {
    state: State;
    drivers: ReadonlyMap<string, Driver>;
    defaultOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
    checkIpam(ipam: IpamRequest, ipv6: boolean): void;
    predefined?: boolean;
  },
): DraftNetwork {
  if (!context.predefined && (PREDEFINED.has(spec.name) || spec.name === "default")) {
    throw forbidden("operation is not permitted on predefined bridge network ", {
      code: "predefined-network",
      context: { name: spec.name },
    });
  }
  const driver = spec.driver || "bridge";
  if (driver === "overlay" && !context.drivers.has("overlay")) throw notAManager();
  const options = spec.configFrom ? { ...spec.options } : { ...context.defaultOptions[driver], ...spec.options };
  const ipv4 = spec.ipv4 ?? familyOption(options, "com.docker.network.enable_ipv4") ?? true;
  const ipv6 = spec.ipv6 ?? familyOption(options, "com.docker.network.enable_ipv6") ?? false;
  const ipam = spec.ipam ?? { driver: "default", options: null, config: [] };
  context.checkIpam(ipam, ipv6);
  if (spec.name.trim() === "") throw invalid("invalid name: name is empty", { code: "empty-name" });
  if (context.state.networkNamed(spec.name)) throw nameTaken(spec.name);
  const draft: DraftNetwork = {
    id: newId(),
    name: spec.name,
    created: rfc3339Nano(),
    driver: spec.configOnly ? "null" : driver,
    scope: "local",
    ipv4,
    ipv6,
    internal: spec.internal ?? false,
    attachable: spec.attachable ?? false,
    ingress: spec.ingress ?? false,
    configOnly: spec.configOnly ?? false,
    configFrom: spec.configFrom ?? "",
    ipam: { driver: ipam.driver || "default", options: ipam.options, config: ipv6 ? ipam.config : ipam.config.filter(isV4) },
    options,
    labels: spec.labels ?? {},
  };
  if (draft.configOnly) return checkConfigOnly(draft, spec);
  const complete = draft.configFrom === "" ? draft : takeConfiguration(draft, spec, context.state);
  checkScope(complete, spec, context.drivers.get(driver));
  return complete;
}

const isV4 = (entry: IpamRequest["config"][number]): boolean => familyOf(entry.subnet ?? entry.gateway ?? entry.range ?? "") === 4;

const notAManager = (): FairwayError =>
  new FairwayError(
    "forbidden",
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    { code: "no-swarm" },
  );

function familyOption(options: Readonly<Record<string, string>>, key: string): boolean | undefined {
  const text = options[key];
  if (text === undefined) return undefined;
  const value = parseBool(text);
  if (value === undefined) throw invalid(`driver-opt "${key}" is not a valid bool`, { code: "bad-option", context: { key, value: text } });
  return value;
}

function checkConfigOnly(draft: DraftNetwork, spec: NetworkSpec): DraftNetwork {
  if (draft.ingress || draft.internal || draft.attachable || (spec.scope ?? "") !== "")
    throw forbidden(NOT_SUPPORTED, { code: "config-only" });
  if (draft.configFrom !== "") {
    throw forbidden("a configuration network cannot depend on another configuration network", { code: "config-only" });
  }
  return draft;
}

/** Fills in what the configuration network says; a user who gives any of that too is refused. */
function takeConfiguration(draft: DraftNetwork, spec: NetworkSpec, state: State): DraftNetwork {
  const given =
    (spec.ipam?.config.length ?? 0) > 0 || Object.keys(spec.ipam?.options ?? {}).length > 0 || Object.keys(spec.labels ?? {}).length > 0;
  if (given || (spec.ipv6 !== undefined && spec.ipv6)) {
    throw forbidden("user-specified configurations are not supported if the network depends on a configuration network", {
      code: "config-from",
    });
  }
  if (Object.keys(spec.options ?? {}).length > 0) {
    throw forbidden("network driver options are not supported if the network depends on a configuration network", { code: "config-from" });
  }
  const source = state.networkNamed(draft.configFrom);
  if (!source?.configOnly) throw notFound(`configuration network "${draft.configFrom}" does not exist`, { code: "no-such-config" });
  const { ipv4, ipv6, labels, ipam, options } = source;
  return { ...draft, ipv4, ipv6, labels, ipam, options };
}

function checkScope(draft: DraftNetwork, spec: NetworkSpec, driver: Driver | undefined): void {
  range(draft.options, "com.docker.network.advertise_addr_nmsgs", 0, 3);
  range(draft.options, "com.docker.network.advertise_addr_ms", 100, 2000);
  if (!driver) throw notFound(`plugin "${draft.driver}" not found`, { code: "no-such-driver", context: { driver: draft.driver } });
  if (draft.ipam.driver === "null") throw invalid("ipv4 pool is empty", { code: "no-pool" });
  if (draft.ipam.driver !== "default" && !isDhcp(draft))
    throw notFound(`plugin "${draft.ipam.driver}" not found`, { code: "no-such-driver", context: { driver: draft.ipam.driver } });
  if (driver.scope === "local" && spec.scope === "global") throw notAManager();
  if (driver.scope === "global" && spec.scope === "local") {
    throw forbidden(`cannot downgrade network scope for ${driver.name} networks`, { code: "bad-scope" });
  }
  if (draft.ingress && driver.scope !== "global")
    throw forbidden("Ingress network can only be global scope network", { code: "bad-scope" });
  if (spec.scope === "swarm") throw forbidden("cannot create a swarm scoped network when swarm is not active", { code: "no-swarm" });
}

function range(options: Readonly<Record<string, string>>, key: string, low: number, high: number): void {
  const text = options[key];
  if (text === undefined) return;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < low || value > high) {
    throw new FairwayError("internal", `${key} must be in the range ${low} to ${high}`, {
      code: "bad-option",
      context: { key, value: text },
    });
  }
}

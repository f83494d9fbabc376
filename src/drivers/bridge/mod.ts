/**
 * The bridge driver. Packet paths:
 *   container → container   veth, bridge port to port, no netfilter (icc=false: table bridge fairway, set no_icc)
 *   container → outside     veth, bridge, routed, `forward` lets it out, `postrouting` masquerades by input bridge
 *   outside → host:port     `prerouting` looks proto . address . port up in publish4, routed to the bridge as DNATed, let in
 *   host 127.0.0.1:port     `output` looks it up, leaves by the bridge (route_localnet), source masqueraded to the bridge's address
 *   outside → container     routed to the bridge without DNAT: verdict of the bridge's `inbound` element
 * Every network and endpoint is elements of fixed sets, so nothing here grows with their number.
 */
import { ALIAS_PREFIX, aliasOf, type FairwayError, familyOf, forbidden, HOST, invalid, macOfIpv4, withPrefixOf } from "#base";
import type { DesiredState, ElementItem, Item } from "#fabric";
import {
  type Driver,
  type EndpointModel,
  type HostFacts,
  type HostLeg,
  type HostLink,
  hostLinkName,
  type NetworkModel,
  type NetworkNeeds,
  type NetworkRequest,
  type Pool,
  type Publishing,
} from "../driver.ts";
import { sandboxInterface } from "../sandbox-interface.ts";
import { checkMtu6, checkSubnet6 } from "./ipv6.ts";
import { type BridgeOptions, KEY, parseBridgeOptions } from "./options.ts";

export { bridgeNameOf, KEY as BRIDGE_KEY } from "./options.ts";

export const bridgeDriver: Driver = {
  name: "bridge",
  scope: "local",
  traits: { hasEndpoints: true, publishesPorts: true, givesMac: true, sharesSubnets: false, single: false },
  check,
  network,
  endpoint,
  gateway: (model, address) => gatewayOf(model, familyOf(address), parseBridgeOptions(model.id, model.internal, model.options)),
  publishing,
  hostLeg,
};

function check(request: NetworkRequest, host: HostFacts): NetworkNeeds {
  if (!request.ipv4 && !request.ipv6) throw invalid("IPv4 or IPv6 must be enabled", { code: "no-family" });
  for (const family of [4, 6] as const) {
    if (request.subnets.filter((entry) => entry.family === family).length > 1) {
      throw forbidden("bridge driver doesn't support multiple subnets", { code: "multiple-subnets", context: { family } });
    }
  }
  if (request.internal && request.subnets.some(({ auxiliary = {} }) => auxiliary.DefaultGatewayIPv4 || auxiliary.DefaultGatewayIPv6))
    throw invalid("no gateway can be set on an internal bridge network", { code: "internal-gateway" });
  for (const { family, subnet } of request.subnets) if (family === 6) checkSubnet6(subnet);
  const options = parseBridgeOptions(request.id, request.internal, request.options);
  if (request.ipv6) checkMtu6(options.mtu);
  for (const other of request.options[KEY.name] ? request.others() : []) {
    if (other.driver !== "bridge" || other.id === request.id) continue;
    if (parseBridgeOptions(other.id, other.internal, other.options).bridge === options.bridge)
      throw sameBridge(request, other, options.bridge);
  }
  const device = host.link(options.bridge);
  if (device && device.kind !== "bridge") {
    throw invalid(`existing interface ${options.bridge} is not a bridge`, {
      code: "not-a-bridge",
      context: { name: options.bridge, kind: device.kind },
    });
  }
  return {
    gateway4: options.mode4 !== "isolated" && !(options.inhibit4 && request.internal),
    gateway6: options.mode6 !== "isolated",
    ...(device && isForeign(device) ? { found: device.addresses } : {}),
    warnings: [],
  };
}

const sameBridge = (request: NetworkRequest, other: NetworkModel, bridge: string): FairwayError =>
  forbidden(
    `cannot create network ${request.id} (${bridge}): conflicts with network ${other.id} (${bridge}): networks have same bridge name`,
    {
      code: "bridge-name-in-use",
      context: { bridge, holder: other.name },
    },
  );

function network(model: NetworkModel, host: HostFacts): DesiredState {
  const options = parseBridgeOptions(model.id, model.internal, model.options);
  const { bridge } = options;
  const items: Item[] = [...forwarding(model, host)];
  const device = host.link(bridge);
  const foreign = device !== undefined && isForeign(device);
  const mtu = options.mtu > 0 ? { mtu: options.mtu } : {};
  if (foreign) items.push({ type: "link-setting", ns: HOST, name: bridge, up: true });
  else {
    items.push({
      type: "link",
      ns: HOST,
      name: bridge,
      data: { kind: "bridge" },
      alias: aliasOf("network", model.id),
      mac: `02:42:${model.id.slice(0, 8).replace(/(..)(?=.)/g, "$1:")}`,
      up: true,
      ...mtu,
    });
  }
  if (model.ipv6) items.push({ type: "sysctl", ns: HOST, key: `net/ipv6/conf/${bridge}/disable_ipv6`, value: "0", optional: true });
  items.push({ type: "sysctl", ns: HOST, key: `net/ipv6/conf/${bridge}/accept_ra`, value: "0", optional: true });
  // Lets 127.0.0.1:port of the host be routed into the bridge; the ruleset drops 127/8 arriving from it.
  items.push({ type: "sysctl", ns: HOST, key: `net/ipv4/conf/${bridge}/route_localnet`, value: "1", optional: true });
  for (const pool of model.pools) {
    const address = bridgeAddress(pool, options);
    if (address && !model.found?.includes(address))
      items.push({ type: "address", ns: HOST, link: bridge, address, ...(pool.family === 6 ? { noDad: true } : {}) });
  }
  if (host.defaults.firewall) items.push(...elementsOf(model, options));
  return items;
}

const isForeign = ({ alias = "" }: HostLink): boolean => !alias.startsWith(ALIAS_PREFIX);

function forwarding(model: NetworkModel, host: HostFacts): Item[] {
  if (!host.defaults.ipForward || model.internal) return [];
  const on = (key: string): Item => ({ type: "sysctl", ns: HOST, key, value: "1", optional: true });
  return [
    ...(model.ipv4 ? [on("net/ipv4/ip_forward")] : []),
    ...(model.ipv6 ? [on("net/ipv6/conf/default/forwarding"), on("net/ipv6/conf/all/forwarding")] : []),
  ];
}

/** The address the bridge itself holds; none in isolated mode or with inhibit_ipv4. */
function bridgeAddress(pool: Pool, options: BridgeOptions): string | undefined {
  if (!pool.gateway) return undefined;
  if (pool.family === 4 && (options.inhibit4 || options.mode4 === "isolated")) return undefined;
  if (pool.family === 6 && options.mode6 === "isolated") return undefined;
  return withPrefixOf(pool.gateway, pool.subnet);
}

function elementsOf(model: NetworkModel, options: BridgeOptions): ElementItem[] {
  const { bridge } = options;
  const element = (set: ElementItem["set"], key: readonly string[], value?: readonly string[]): ElementItem => ({
    type: "element",
    set,
    key,
    ...(value ? { value } : {}),
  });
  const elements = [element("bridges", [bridge]), element("within", [bridge, bridge], [options.icc ? "accept" : "drop"])];
  if (model.internal) return [...elements, element("internal", [bridge])];
  elements.push(element("inbound", [bridge], inboundOf(options)));
  for (const trusted of options.trusted) elements.push(element("trusted", [trusted, bridge]));
  for (const family of [4, 6] as const) {
    const mode = family === 4 ? options.mode4 : options.mode6;
    const enabled = family === 4 ? model.ipv4 : model.ipv6;
    const source = family === 4 ? options.host4 : options.host6;
    if (!enabled || mode === "routed" || !options.masquerade) continue;
    elements.push(source ? element(`snat${family}`, [bridge], [source]) : element(`masquerade${family}`, [bridge]));
  }
  return elements;
}

/** The chain of `ruleset/fairway.nft` for the gateway modes: one where the families agree, else IPv4's then IPv6's. */
function inboundOf(options: BridgeOptions): readonly string[] {
  const [v4, v6] = [INBOUND[options.mode4], INBOUND[options.mode6]];
  return ["goto", v4 === v6 ? `${v4}_in` : `${v4}_${v6}_in`];
}

const INBOUND = { nat: "nat", "nat-unprotected": "open", routed: "routed", isolated: "nat" } as const;

function endpoint(model: NetworkModel, point: EndpointModel, host: HostFacts): DesiredState {
  const options = parseBridgeOptions(model.id, model.internal, model.options);
  const name = hostLinkName(point.id);
  const mac = point.mac ?? (point.ipv4 ? macOfIpv4(point.ipv4.slice(0, point.ipv4.indexOf("/"))) : undefined);
  const mtu = options.mtu > 0 ? { mtu: options.mtu } : {};
  const items: Item[] = [
    {
      type: "link",
      ns: HOST,
      name,
      data: { kind: "veth", peer: { ns: point.sandbox, name: point.ifname, ...(mac ? { mac } : {}), ...mtu } },
      alias: aliasOf("endpoint", point.id),
      master: options.bridge,
      // A container that asks for its own published port, where br_netfilter bridges the translated frame back to where it came from.
      hairpin: true,
      up: true,
      ...mtu,
    },
    ...sandboxInterface(model, point, { gateway4: gatewayOf(model, 4, options), gateway6: gatewayOf(model, 6, options) }),
  ];
  if (!host.defaults.firewall) return items;
  if (!options.icc) items.push({ type: "element", set: "no_icc", key: [name] });
  for (const hole of point.links) {
    const family = hole.server.includes(":") ? 6 : 4;
    const client = family === 6 ? point.ipv6 : point.ipv4;
    if (!client) continue;
    items.push({
      type: "element",
      set: `links${family}`,
      key: [client.slice(0, client.indexOf("/")), hole.server, hole.proto, String(hole.port)],
    });
  }
  return items;
}

/** The gateway containers use: an auxiliary address by Docker's name for it, else the bridge's own. */
function gatewayOf(model: NetworkModel, family: 4 | 6, options: BridgeOptions): string | undefined {
  if (model.internal || (family === 4 ? options.mode4 : options.mode6) === "isolated") return undefined;
  const pool = model.pools.find((candidate) => candidate.family === family);
  return pool?.auxiliary[`DefaultGatewayIPv${family}`] ?? pool?.gateway;
}

function publishing(model: NetworkModel): Publishing {
  const options = parseBridgeOptions(model.id, model.internal, model.options);
  const how = (mode: BridgeOptions["mode4"], enabled: boolean): Publishing["v4"] => {
    if (!enabled || model.internal || mode === "isolated") return "none";
    return mode === "routed" ? "open" : "nat";
  };
  return {
    v4: how(options.mode4, model.ipv4),
    v6: how(options.mode6, model.ipv6),
    bridge: options.bridge,
    hostBinding: options.hostBinding,
  };
}

function hostLeg(model: NetworkModel): HostLeg {
  const options = parseBridgeOptions(model.id, model.internal, model.options);
  const own = (family: 4 | 6) => model.pools.find((pool) => pool.family === family && bridgeAddress(pool, options) !== undefined)?.gateway;
  const [v4, v6] = [own(4), own(6)];
  return { link: options.bridge, ...(v4 ? { v4 } : {}), ...(v6 ? { v6 } : {}) };
}

import { aliasOf, type Family, HOST, invalid, macOfIpv4 } from "#base";
import type { DesiredState, Item } from "#fabric";
import type { Driver, EndpointModel, HostFacts, HostLeg, NetworkModel, NetworkNeeds, NetworkRequest } from "../driver.ts";
import { sandboxInterface } from "../sandbox-interface.ts";
import { checkExclusive } from "./exclusive.ts";
import { hostAccessLink, hostAccessName, hostAccessRoutes, poolOf } from "./host-access.ts";
import {
  HOST_ACCESS_ADDRESS,
  isLanDriver,
  isRouted,
  LAN_KEY,
  type LanLink,
  type LanOptions,
  parseLanOptions,
  sharesParentMac,
} from "./options.ts";
import { checkParent, findParent, lowestOf, type Parent } from "./parent.ts";
import { isVirtualNic, lanWarnings } from "./warnings.ts";

/** What macvlan and ipvlan share: all but what the link itself is. */
export function lanDriver(name: "macvlan" | "ipvlan"): Driver {
  return {
    name,
    scope: "local",
    traits: { hasEndpoints: true, publishesPorts: false, givesMac: name === "macvlan", sharesSubnets: true, single: false },
    check,
    network,
    endpoint,
    gateway: (model, address) => gatewayOf(model, parseLanOptions(model), address),
    hostLeg,
    publishing: (model) => ({
      v4: model.ipv4 && !model.internal ? "inside" : "none",
      v6: model.ipv6 && !model.internal ? "inside" : "none",
      hostBinding: "",
    }),
  };
}

function check(request: NetworkRequest, host: HostFacts): NetworkNeeds {
  if (!request.ipv4 && !request.ipv6) throw invalid("IPv4 or IPv6 must be enabled", { code: "no-family" });
  const options = parseLanOptions(request);
  if (options.hostAccess) checkHostAccess(options.link);
  const parent = checkParent(options, host);
  const shared = checkExclusive(request, options, parent, host);
  const kept = wantsPromiscuous(options, parent) && parent.link?.promiscuous === true && !madePromiscuous(request, parent);
  return {
    gateway4: false,
    gateway6: false,
    warnings: [...lanWarnings(request, options, parent), ...shared],
    ...(options.isolated ? { internal: true } : {}),
    ...(options.hostAccess ? { auxiliary: [HOST_ACCESS_ADDRESS] } : {}),
    ...(kept ? { options: { [LAN_KEY.promiscuous]: "kept" } } : {}),
  };
}

/** The host can only join those that the kernel switches between by itself. */
function checkHostAccess(link: LanLink): void {
  const separated = link.kind === "macvlan" ? link.mode !== "bridge" : link.flag !== "bridge";
  if (!separated) return;
  const [key, value] = link.kind === "macvlan" ? [LAN_KEY.macvlanMode, link.mode] : [LAN_KEY.ipvlanFlag, link.flag];
  const why = {
    bridge: "",
    private: "which keeps containers from every other link of their parent",
    vepa: "which sends everything out to the switch: there the switch's reflective relay is what lets host and containers talk",
    passthru: "which gives the whole parent to one container",
  }[value];
  throw invalid(`${LAN_KEY.hostAccess} cannot work with ${key}=${value}, ${why}: use ${key}=bridge`, {
    code: "bad-option",
    context: { key: LAN_KEY.hostAccess, [key]: value },
  });
}

function network(model: NetworkModel, host: HostFacts): DesiredState {
  const options = parseLanOptions(model);
  const parent = findParent(options, host);
  const items: Item[] = parent.item ? [parent.item] : [];
  if (wantsPromiscuous(options, parent)) items.push({ type: "link-setting", ns: HOST, name: parent.name, promiscuous: true });
  if (!options.hostAccess) return items;
  items.push(...hostAccessLink(model, options, parent));
  // The host must not become a router between its LANs by having a leg in each: only `fairway network route` lets anything through.
  const link = [hostAccessName(model.id)];
  if (host.defaults.firewall) items.push({ type: "element", set: "bridges", key: link }, { type: "element", set: "internal", key: link });
  return items;
}

function hostLeg(model: NetworkModel): HostLeg | undefined {
  if (!parseLanOptions(model).hostAccess) return undefined;
  const own = (family: Family) => model.pools.find((pool) => pool.family === family)?.auxiliary[HOST_ACCESS_ADDRESS];
  const [v4, v6] = [own(4), own(6)];
  return { link: hostAccessName(model.id), ...(v4 ? { v4 } : {}), ...(v6 ? { v6 } : {}) };
}

/**
 * The kernel itself makes a NIC promiscuous that cannot filter for several MACs; a virtual one claims that it can, and it is the hypervisor's
 * switch that must be told. Passthru does it in the kernel, ipvlan has no second MAC.
 */
function wantsPromiscuous(options: LanOptions, parent: Parent): boolean {
  if (options.isolated || options.promiscuous === "kept" || options.promiscuous === "false") return false;
  if (options.promiscuous === "true") return true;
  return options.link.kind === "macvlan" && options.link.mode !== "passthru" && isVirtualNic(lowestOf(parent));
}

/** It is another network of ours that has made the parent promiscuous. */
function madePromiscuous({ others }: NetworkRequest, parent: Parent): boolean {
  return [...others()]
    .filter(({ driver }) => isLanDriver(driver))
    .some((other) => {
      const options = parseLanOptions(other);
      return options.parent === parent.name && wantsPromiscuous(options, parent);
    });
}

function endpoint(model: NetworkModel, point: EndpointModel, host: HostFacts): DesiredState {
  const options = parseLanOptions(model);
  const parent = findParent(options, host);
  const mac = macOf(options, point);
  const byDevice = isRouted(options) && !model.internal;
  const gateway = (address: string | undefined): string | undefined => address && gatewayOf(model, options, bare(address));
  const items: Item[] = [
    {
      type: "link",
      ns: point.sandbox,
      name: point.ifname,
      data: { ...options.link, parent: parent.name },
      alias: aliasOf("endpoint", point.id),
      ...(mac ? { mac } : {}),
      up: true,
    },
    ...sandboxInterface(model, point, {
      gateway4: gateway(point.ipv4),
      gateway6: gateway(point.ipv6),
      device4: byDevice,
      device6: byDevice,
    }),
  ];
  if (options.hostAccess) items.push(...hostAccessRoutes(model, point, options, parent, mac ?? lowestOf(parent)?.mac));
  return items;
}

function macOf(options: LanOptions, point: EndpointModel): string | undefined {
  if (sharesParentMac(options)) return undefined;
  if (point.mac) return point.mac;
  return point.ipv4 ? macOfIpv4(bare(point.ipv4)) : undefined;
}

/** That of the address' own subnet, and the user's alone: none is made up for a LAN that has its own router. */
function gatewayOf(model: NetworkModel, options: LanOptions, address: string): string | undefined {
  return isRouted(options) || model.internal ? undefined : poolOf(model, address)?.gateway;
}

const bare = (address: string): string => address.slice(0, address.indexOf("/"));

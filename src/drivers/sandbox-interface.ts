import { formatCidr, invalid, parseCidr } from "#base";
import type { Item } from "#fabric";
import type { EndpointModel, NetworkModel } from "./driver.ts";

const SYSCTLS = "com.docker.network.endpoint.sysctls";
/** Before the main table's 32766. */
const REPLY_PRIORITY = 20000;
/** Endpoint option that names the interface in the container. */
export const IFNAME_OPTION = "com.docker.network.endpoint.ifname";

/** Why the kernel would refuse a link of that name (dev_valid_name() of net/core/dev.c); undefined when it would not. */
export function interfaceNameFault(name: string): string | undefined {
  if (Buffer.byteLength(name) > 15) return "numerical result out of range: an interface name has at most 15 characters";
  return name === "" || /[\s/:%]/.test(name) || name === "." || name === ".." ? "invalid interface name" : undefined;
}

/** What every driver wants of an interface once it is in the sandbox: sysctls, addresses, up, default routes. */
export function sandboxInterface(
  network: NetworkModel,
  point: EndpointModel,
  routes: { gateway4?: string | undefined; gateway6?: string | undefined; device4?: boolean; device6?: boolean },
): Item[] {
  const { sandbox: ns, ifname } = point;
  const items: Item[] = [
    { type: "sysctl", ns, key: `net/ipv6/conf/${ifname}/disable_ipv6`, value: network.ipv6 ? "0" : "1", optional: true },
    ...endpointSysctls(point),
  ];
  for (const address of [point.ipv4, point.ipv6, ...point.linkLocal]) {
    if (address) items.push({ type: "address", ns, link: ifname, address, ...(address.includes(":") ? { noDad: true } : {}) });
  }
  items.push({ type: "link-setting", ns, name: ifname, up: true });
  const route = (destination: string, gateway?: string, table?: number): Item => ({
    type: "route",
    ns,
    link: ifname,
    destination,
    ...(gateway ? { gateway } : {}),
    ...(table === undefined ? {} : { table }),
  });
  if (point.replies !== undefined) items.push(...replyRoutes(point, routes, route));
  if (point.default4 && (routes.gateway4 || routes.device4)) items.push(route("0.0.0.0/0", routes.gateway4));
  if (point.default6 && (routes.gateway6 || routes.device6)) items.push(route("::/0", routes.gateway6));
  return items;
}

/**
 * Replies to what came in by an interface leave by it, whatever the main table says of the client: a client of the LAN that has asked for a published
 * port is answered through the bridge, though the container has an interface on the LAN too. Connections that the container begins are not touched, so
 * routes its user adds mean what they say.
 */
function replyRoutes(
  { sandbox: ns, ipv4, ipv6, replies }: EndpointModel,
  {
    gateway4,
    gateway6,
    device4,
    device6,
  }: { gateway4?: string | undefined; gateway6?: string | undefined; device4?: boolean; device6?: boolean },
  route: (destination: string, gateway?: string, table?: number) => Item,
): Item[] {
  const table = replies!;
  const items: Item[] = [];
  for (const [family, address, gateway, device] of [
    [4, ipv4, gateway4, device4],
    [6, ipv6, gateway6, device6],
  ] as const) {
    if (!address || !(gateway || device)) continue;
    items.push(route(formatCidr(parseCidr(address)), undefined, table), route(family === 4 ? "0.0.0.0/0" : "::/0", gateway, table));
    items.push({ type: "rule", ns, family, priority: REPLY_PRIORITY, mark: table, table });
  }
  return items;
}

/** `net.ipv4.conf.IFNAME.log_martians=1,…` of the endpoint's options. @throws invalidParameter in Docker's words */
function endpointSysctls(point: EndpointModel): Item[] {
  return parseEndpointSysctls(point.options[SYSCTLS] ?? "").map(([key, value]) => ({
    type: "sysctl",
    ns: point.sandbox,
    key: key.map((part) => (part === "IFNAME" ? point.ifname : part)).join("/"),
    value,
  }));
}

export function parseEndpointSysctls(text: string): [key: string[], value: string][] {
  return text
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const equals = entry.indexOf("=");
      const parts = entry.slice(0, equals < 0 ? undefined : equals).split(".");
      const [net, family, , ifname] = parts;
      if (equals < 0 || parts.length < 5 || net !== "net" || !["ipv4", "ipv6", "mpls"].includes(family ?? "") || ifname !== "IFNAME") {
        throw invalid(
          `unrecognised network interface sysctl '${entry}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
          { code: "bad-endpoint-sysctl", context: { value: entry } },
        );
      }
      return [parts, entry.slice(equals + 1)];
    });
}

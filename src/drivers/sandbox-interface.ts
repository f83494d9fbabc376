import { invalid } from "#base";
import type { Item } from "#fabric";
import type { EndpointModel, NetworkModel } from "./driver.ts";

const SYSCTLS = "com.docker.network.endpoint.sysctls";
/** Endpoint option that names the interface in the container. */
export const IFNAME_OPTION = "com.docker.network.endpoint.ifname";

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
  const route = (destination: string, gateway?: string): Item => ({
    type: "route",
    ns,
    link: ifname,
    destination,
    ...(gateway ? { gateway } : {}),
  });
  if (point.default4 && (routes.gateway4 || routes.device4)) items.push(route("0.0.0.0/0", routes.gateway4));
  if (point.default6 && (routes.gateway6 || routes.device6)) items.push(route("::/0", routes.gateway6));
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

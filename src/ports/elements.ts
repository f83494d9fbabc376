import { familyOf } from "#base";
import type { ElementItem } from "#fabric";
import { ANY4, ANY6, type PublishedPort } from "./types.ts";

/** A container's addresses on the network that publishes, bare: `172.18.0.2`. */
export interface ContainerAddresses {
  readonly ipv4?: string;
  readonly ipv6?: string;
}

const rangeText = (from: number, to: number): string => (from === to ? String(from) : `${from}-${to}`);

/**
 * Published ports as elements of the ruleset's maps. A range that keeps its port numbers is one element; one that shifts them is one a port, since a
 * map can give an address and port or keep the port, never add to it. Ports of a family the container has no address of are left out.
 */
export function publishElements(ports: readonly PublishedPort[], addresses: ContainerAddresses): ElementItem[] {
  const elements: ElementItem[] = [];
  for (const { proto, hostIp, hostPort, hostPortEnd, containerPort } of ports) {
    const family = familyOf(hostIp);
    const address = family === 4 ? addresses.ipv4 : addresses.ipv6;
    if (!address || hostPort === 0) continue;
    const host = hostIp === ANY4 ? "0.0.0.0/0" : hostIp === ANY6 ? "::/0" : hostIp;
    if (hostPortEnd > hostPort && containerPort === hostPort)
      elements.push({
        type: "element",
        set: `publish_range${family}`,
        key: [proto, host, rangeText(hostPort, hostPortEnd)],
        value: [address],
      });
    else
      for (let offset = 0; offset <= hostPortEnd - hostPort; offset++)
        elements.push({
          type: "element",
          set: `publish${family}`,
          key: [proto, host, String(hostPort + offset)],
          value: [address, String(containerPort + offset)],
        });
  }
  return elements;
}

/** Routed gateway mode: the container's published ports, whatever their host side, opened for direct access through the bridge. */
export function openElements(bridge: string, ports: readonly PublishedPort[], addresses: ContainerAddresses): ElementItem[] {
  const elements = new Map<string, ElementItem>();
  for (const { proto, hostPort, hostPortEnd, containerPort } of ports)
    for (const [set, address] of [["open4", addresses.ipv4] as const, ["open6", addresses.ipv6] as const]) {
      if (!address) continue;
      const key = [bridge, proto, address, rangeText(containerPort, containerPort + hostPortEnd - hostPort)];
      elements.set(key.join(" "), { type: "element", set, key });
    }
  return [...elements.values()];
}

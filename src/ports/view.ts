import { parsePort } from "./parse.ts";
import type { PortBinding, PublishedPort } from "./types.ts";

/**
 * Docker's NetworkSettings.Ports: every exposed or published port, with where it is published or null. Keys in the order Go prints a map's in;
 * bindings in the order they were made. A port open without a host port (routed mode) has an empty `hostPort`.
 */
export function portsView(
  exposed: readonly string[],
  published: readonly PublishedPort[],
): Readonly<Record<string, readonly PortBinding[] | null>> {
  const ports = new Map<string, PortBinding[] | null>();
  for (const text of exposed) {
    const { proto, from, to } = parsePort(text);
    for (let port = from; port <= to; port++) ports.set(`${port}/${proto}`, null);
  }
  for (const { proto, hostIp, hostPort, hostPortEnd, containerPort } of published)
    for (let offset = 0; offset <= hostPortEnd - hostPort; offset++) {
      const key = `${containerPort + offset}/${proto}`;
      const binding = { hostIp, hostPort: hostPort === 0 ? "" : String(hostPort + offset) };
      const bindings = ports.get(key);
      if (bindings) bindings.push(binding);
      else ports.set(key, [binding]);
    }
  return Object.fromEntries([...ports].sort(([a], [b]) => (a < b ? -1 : 1)));
}

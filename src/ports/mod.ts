/** `ports`: what a container publishes, who holds which host port, and the ruleset elements that serve it. */
export {
  type HostPortReserver,
  noReserver,
  PortAllocator,
  type PortAllocatorOptions,
  type PortLease,
  type PortReservation,
  type RestoredPorts,
} from "./allocator.ts";
export { compactBindings, compactExposed, expandBindings, expandPort } from "./compact.ts";
export { type ContainerAddresses, openElements, publishElements } from "./elements.ts";
export type { PortHolder } from "./errors.ts";
export { parseHostIp, parseHostPort, parsePort } from "./parse.ts";
export { type PortWishes, planPorts, routedPorts, validatePorts } from "./plan.ts";
export { type PortBinding, type PortRange, type PortRequest, PROTOCOLS, type Protocol, type PublishedPort } from "./types.ts";
export { portsView } from "./view.ts";

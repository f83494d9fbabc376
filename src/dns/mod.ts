/** `dns`: container names, the embedded server that answers them, the upstreams behind it, and the files that point a container to it. */
export type { BudgetOptions } from "./budget.ts";
export type { Collision } from "./collisions.ts";
export { type DatagramPort, type DatagramReceiver, NodeDatagramPort, type Peer } from "./datagram.ts";
export { Forwarder, type ForwarderOptions } from "./forwarder.ts";
export * from "./hosts-file.ts";
export type { DnsCounters, QueryLogEntry } from "./query-log.ts";
export * from "./resolv-conf.ts";
export { SandboxResolver } from "./resolver.ts";
export { DnsServer, type DnsServerOptions } from "./server.ts";
export { parseServices, type ServicePorts } from "./services.ts";
export type { StreamLimits } from "./stream.ts";
export { Upstream, type UpstreamHealth, type UpstreamTransport } from "./upstream.ts";
export * from "./validate.ts";
export type { SandboxViewSpec, ViewLink } from "./view.ts";
export { DnsZones, type ZoneEndpoint, type ZoneService, type ZonesOptions } from "./zones.ts";

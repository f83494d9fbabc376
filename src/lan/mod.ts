/** `lan`: address safety and address acquisition on a real segment: probes, announcements, conflict watch. */
export type { Announcement, AnnounceRequest } from "./announce.ts";
export type { ConflictWatchRequest } from "./conflict-watch.ts";
export type { Dhcp4Request, Dhcp4Result } from "./dhcp4/acquire.ts";
export type { Dhcp4Identity } from "./dhcp4/exchange.ts";
export { clientIdOf, type Dhcp4Lease, expiryOf, hostnameOf } from "./dhcp4/lease.ts";
export type { Dhcp6Identity, Dhcp6Wanted } from "./dhcp6/client.ts";
export type { Dhcp6Lease } from "./dhcp6/lease.ts";
export * from "./lan.ts";
export type { LeaseCallbacks, LeaseKeeping } from "./lease-keeper.ts";
export type { ProbeMode, ProbeRequest, ProbeResult } from "./probe.ts";
export type { RouterAdvice } from "./router-discovery.ts";

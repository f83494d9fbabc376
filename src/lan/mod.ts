/** `lan`: address safety and address acquisition on a real segment: probes, announcements, conflict watch. */
export type { Announcement, AnnounceRequest } from "./announce.ts";
export type { ConflictWatchRequest } from "./conflict-watch.ts";
export * from "./lan.ts";
export type { ProbeMode, ProbeRequest, ProbeResult } from "./probe.ts";

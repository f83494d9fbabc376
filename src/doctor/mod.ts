/** `doctor`: what is wrong with this host for container networks, what is left on it that nobody owns, and the way out of each. Reads, never changes. */
export type { Check, CheckStatus } from "./check.ts";
export { type DoctorOptions, examineHost } from "./doctor.ts";
export { FirewallInspector, type RunProgram } from "./firewall/inspector.ts";
export type { Known } from "./leaks.ts";
export type { PublishedPort } from "./ports.ts";

/** `doctor`: what is wrong with this host for container networks, what is left on it that nobody owns, and the way out of each. Reads, never changes. */
export type { Check, CheckStatus } from "./check.ts";
export { FirewallInspector, type RunProgram } from "./firewall/inspector.ts";
export { firewallChecks } from "./firewall/obstacles.ts";

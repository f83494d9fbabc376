import { type Check, ok, warn } from "./check.ts";

/** What the daemon would warn of if a network were made now. */
export interface NetworkWarning {
  readonly network: string;
  readonly warning: string;
}

/** Networks whose parent or subnet is not as it should be. The docker CLI does not print what `network create` warned of. */
export function networkChecks(warnings: readonly NetworkWarning[]): Check[] {
  if (warnings.length === 0) return [ok("networks", "No network has a parent interface or subnet that is likely to fail it.")];
  return warnings.map(({ network, warning }) =>
    warn("networks", `Network ${network}: ${warning.replace(/\.?$/, ".")}`, "nothing, if this is as you want it"),
  );
}

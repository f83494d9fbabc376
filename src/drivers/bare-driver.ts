import type { Driver } from "./driver.ts";

/** A driver whose one network has no interfaces of ours: nothing to make, no addresses, nothing to publish. */
export const bareDriver = (name: string): Driver => ({
  name,
  scope: "local",
  traits: { hasEndpoints: false, publishesPorts: false, givesMac: false, sharesSubnets: false, single: true },
  check: () => ({ gateway4: false, gateway6: false, warnings: [] }),
  network: () => [],
  endpoint: () => [],
  gateway: () => undefined,
  hostLeg: () => undefined,
  publishing: () => ({ v4: "none", v6: "none", hostBinding: "" }),
});

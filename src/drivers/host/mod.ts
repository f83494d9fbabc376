import type { Driver } from "../driver.ts";

/** The daemon's own namespace: nothing to make, nothing to publish. */
export const hostDriver: Driver = {
  name: "host",
  scope: "local",
  traits: { hasEndpoints: false, publishesPorts: false, givesMac: false, sharesSubnets: false, single: true },
  check: () => ({ gateway4: false, gateway6: false, warnings: [] }),
  network: () => [],
  endpoint: () => [],
  gateway: () => undefined,
  hostLeg: () => undefined,
  publishing: () => ({ v4: "none", v6: "none", hostBinding: "" }),
};

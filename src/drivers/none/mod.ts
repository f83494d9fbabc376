import type { Driver } from "../driver.ts";

/** A namespace of its own with nothing but lo. Docker's driver name for it is `null`. */
export const noneDriver: Driver = {
  name: "null",
  scope: "local",
  traits: { hasEndpoints: false, publishesPorts: false, givesMac: false, sharesSubnets: false, single: true },
  check: () => ({ gateway4: false, gateway6: false, warnings: [] }),
  network: () => [],
  endpoint: () => [],
  gateway: () => undefined,
  hostLeg: () => undefined,
  publishing: () => ({ v4: "none", v6: "none", hostBinding: "" }),
};

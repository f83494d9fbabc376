import { test } from "node:test";
import { VmLab } from "#lab";
import { passOn } from "./own-tests.ts";
import { sharedLab } from "./shared-lab.ts";

test(
  "the LAN drivers' live tests pass on Debian's kernel, with ipvlan, 802.1q and dummy (E12, E14, E15)",
  {
    skip: VmLab.missing() ?? false,
  },
  async () =>
    passOn(
      (await sharedLab()).machine("h1"),
      "ipvlan 8021q dummy macvlan veth bridge",
      "src/drivers/lan/ipvlan.live.test.ts",
      "src/drivers/lan/macvlan.live.test.ts",
    ),
);

test(
  "the LAN room's live tests pass there, where a trunk has links of its VLANs (E19)",
  {
    skip: VmLab.missing() ?? false,
  },
  async () => passOn((await sharedLab()).machine("h2"), "8021q macvlan veth bridge", "src/lan/lan.live.test.ts"),
);

import { test } from "node:test";
import { VmLab } from "#lab";
import { passOn } from "./own-tests.ts";
import { sharedLab } from "./shared-lab.ts";

test("the ruleset's traffic tests pass on Debian's kernel, where br_netfilter is a module", { skip: VmLab.missing() ?? false }, async () =>
  passOn((await sharedLab()).machine("h1"), "veth bridge br_netfilter", "src/fabric/ruleset/traffic.test.ts"),
);

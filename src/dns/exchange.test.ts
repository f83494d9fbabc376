import assert from "node:assert/strict";
import { test } from "node:test";
import { isolate } from "#kernel/netns";
import { exchangeTcp, exchangeUdp } from "./exchange.ts";
import { loopback } from "./testing.ts";
import { Upstream } from "./upstream.ts";

const isolated = isolate({ tmpfs: ["/run"] });
const question = {
  wire: Buffer.from("\x01x\0\0\x01\0\x01", "latin1"),
  recursionDesired: true,
  checkingDisabled: false,
  authenticData: false,
  dnssecOk: false,
};

test("`exchangeUdp()` gives a failure when there is no route to the upstream", { skip: isolated ? false : "needs root" }, async () => {
  for (const [address, family] of [
    ["192.0.2.1", 4],
    ["2001:db8::1", 6],
  ] as const) {
    const upstream = new Upstream(address, loopback);
    assert.equal(upstream.family, family);
    for (const exchange of [exchangeUdp, exchangeTcp]) {
      const result = await exchange(upstream, question, false, AbortSignal.timeout(2000));
      assert.ok("failure" in result && /ENETUNREACH|EADDRNOTAVAIL/.test(result.failure), JSON.stringify(result));
    }
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostFacts, NetworkRequest } from "../driver.ts";
import { bridgeDriver, BRIDGE_KEY as KEY } from "./mod.ts";

const host = { link: () => undefined, links: () => [] } as unknown as HostFacts;

function check(options: Readonly<Record<string, string>>, subnet6?: string): void {
  const subnets = subnet6 ? [{ family: 6 as const, subnet: subnet6 }] : [];
  const families = { ipv4: true, ipv6: true, internal: false };
  const request: NetworkRequest = { id: "f".repeat(64), name: "n", driver: "bridge", ...families, options, subnets, others: () => [] };
  bridgeDriver.check(request, host);
}

const REFUSED: [title: string, options: Record<string, string>, subnet6: string | undefined, message: RegExp][] = [
  ["a prefix no interface can have", { [KEY.ifPrefix]: "a/b" }, undefined, /container_iface_prefix value: a\/b \(invalid interface name\)/],
  ["a prefix that leaves no room for a number", { [KEY.ifPrefix]: "fifteen-letters" }, undefined, /at most 15 characters/],
  [
    "trusted interfaces that cannot be",
    { [KEY.trusted]: "eth0:sixteen-letters0" },
    undefined,
    /trusted_host_interfaces value: eth0:six.* 15 characters/,
  ],
  ["an MTU under which there is no IPv6", { [KEY.mtu]: "1279" }, undefined, /^invalid MTU number: 1279: IPv6 needs at least 1280$/],
  ["a subnet around the link-local one", {}, "fe80::/10", /^'fe80::\/10' clashes with the Link-Local prefix 'fe80::\/64'$/],
  ["a subnet beside the link-local one", {}, "fe80:1::/64", /clashes with the Link-Local prefix/],
  ["a multicast subnet", {}, "ff02::/64", /^multicast subnet 'ff02::\/64' is not allowed$/],
  ["IPv4 in IPv6's clothes", {}, "::ffff:10.0.0.0/120", /^'::ffff:10.0.0.0\/120' is not a valid IPv6 subnet$/],
];

for (const [title, options, subnet6, message] of REFUSED)
  test(`\`bridgeDriver.check()\` refuses ${title}`, () => {
    assert.throws(() => check(options, subnet6), { category: "invalidParameter", message });
  });

test("`bridgeDriver.check()` takes what only looks like those", () => {
  check({ [KEY.ifPrefix]: "fourteenletter", [KEY.trusted]: "eth0::fifteen-letters", [KEY.mtu]: "1280" }, "fe80::/64");
  check({}, "::/80");
  check({ [KEY.ifPrefix]: "", [KEY.trusted]: "" }, "fd00::/64");
});

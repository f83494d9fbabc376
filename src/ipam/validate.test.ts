import assert from "node:assert/strict";
import { it } from "node:test";
import { FairwayError } from "#base";
import { type PoolConfig, validatePoolConfig } from "./validate.ts";

const errorsOf = (config: PoolConfig[], ipv6 = true): string[] => {
  try {
    validatePoolConfig(config, ipv6);
    return [];
  } catch (error) {
    assert.ok(error instanceof FairwayError);
    assert.equal(error.category, "invalidParameter");
    const [head, ...lines] = error.message.split("\n");
    assert.equal(head, "invalid network config:");
    assert.deepEqual(error.context.errors, lines);
    return lines;
  }
};

it("`validatePoolConfig()` passes what is right", () => {
  assert.deepEqual(errorsOf([]), []);
  const entry = { subnet: "10.0.0.0/8", range: "10.1.0.0/16", gateway: "10.255.0.1", auxiliary: { router: "10.0.0.9" } };
  assert.deepEqual(errorsOf([entry, { subnet: "fd00::/64", range: "", gateway: "" }]), []);
});

it("`validatePoolConfig()` says each of Docker's errors", () => {
  for (const [entry, ...expected] of [
    [{ subnet: "10.1.2.3/24" }, "invalid subnet 10.1.2.3/24: it should be 10.1.2.0/24"],
    [{ subnet: "foobar" }, "invalid subnet foobar: invalid CIDR block notation"],
    [{ gateway: "10.0.0.1" }, "invalid subnet : invalid CIDR block notation"],
    [
      { subnet: "10.10.10.0/24", range: "foobar", gateway: "1001.10.5.3", auxiliary: { DefaultGatewayIPv4: "dummy" } },
      "invalid ip-range foobar: invalid CIDR block notation",
      "invalid gateway 1001.10.5.3: invalid address",
      "invalid auxiliary address DefaultGatewayIPv4: invalid address",
    ],
    [
      { subnet: "10.10.10.0/24", range: "2001:db8::/32", gateway: "2001:db8::1", auxiliary: { DefaultGatewayIPv4: "2001:db8::1" } },
      "invalid ip-range 2001:db8::/32: parent subnet is an IPv4 block",
      "invalid gateway 2001:db8::1: parent subnet is an IPv4 block",
      "invalid auxiliary address DefaultGatewayIPv4: parent subnet is an IPv4 block",
    ],
    [
      { subnet: "10.10.10.0/24", range: "10.0.0.0/8" },
      "invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.10.10.0/24",
    ],
    [
      { subnet: "10.0.0.0/8", range: "192.168.0.1/24", gateway: "192.168.0.1", auxiliary: { a: "192.168.0.1" } },
      "invalid ip-range 192.168.0.1/24: it should be 192.168.0.0/24",
      "invalid ip-range 192.168.0.1/24: parent subnet 10.0.0.0/8 doesn't contain ip-range",
      "invalid gateway 192.168.0.1: parent subnet 10.0.0.0/8 doesn't contain this address",
      "invalid auxiliary address a: parent subnet 10.0.0.0/8 doesn't contain this address",
    ],
  ] as [PoolConfig, ...string[]][])
    assert.deepEqual(errorsOf([entry]), expected);
});

it("`validatePoolConfig()` reports the errors of all entries, and skips IPv6 ones when IPv6 is off", () => {
  const config = [{ subnet: "10.1.2.3/24" }, { subnet: "fd00::1/64" }];
  assert.equal(errorsOf(config, true).length, 2);
  assert.equal(errorsOf(config, false).length, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExtraHost, validateDnsOption, validateDnsSearch, validateDnsServer, validateHostname } from "./validate.ts";

const refuses = (check: () => unknown, message: string | RegExp) => assert.throws(check, { category: "invalidParameter", message });

test("parseExtraHost() takes the forms the docker CLI takes", () => {
  assert.deepEqual(parseExtraHost("x:1.2.3.4"), { name: "x", address: "1.2.3.4" });
  assert.deepEqual(parseExtraHost("x=1.2.3.4"), { name: "x", address: "1.2.3.4" });
  assert.deepEqual(parseExtraHost("y:::1"), { name: "y", address: "::1" });
  assert.deepEqual(parseExtraHost("y=[2001:DB8::1]"), { name: "y", address: "2001:db8::1" });
  assert.deepEqual(parseExtraHost("gw:host-gateway"), { name: "gw", address: "host-gateway" });
});

test("parseExtraHost() refuses in Docker's words", () => {
  for (const bad of ["foo", ":1.2.3.4", "", "=1.2.3.4", "a b:1.2.3.4", "a\n6.6.6.6 evil:1.2.3.4", "#a:1.2.3.4"])
    refuses(() => parseExtraHost(bad), `bad format for add-host: ${JSON.stringify(bad)}`);
  refuses(() => parseExtraHost("foo:1.2.3"), 'invalid IP address in add-host: "1.2.3"');
  refuses(() => parseExtraHost("foo:"), 'invalid IP address in add-host: ""');
  refuses(() => parseExtraHost("foo:fe80::1%eth0"), 'invalid IP address in add-host: "fe80::1%eth0"');
});

test("validateDnsServer() takes addresses only", () => {
  assert.equal(validateDnsServer(" 9.9.9.9 "), "9.9.9.9");
  assert.equal(validateDnsServer("2620:FE::FE"), "2620:fe::fe");
  for (const bad of ["foo", "", "1.2.3.4:53", "1.2.3.4\nnameserver 6.6.6.6"])
    refuses(() => validateDnsServer(bad), `IP address is not correctly formatted: ${bad}`);
});

test("validateDnsSearch() takes domains and the lone dot", () => {
  for (const good of [".", "lan", "corp.example.", "_tcp.example", "xn--bcher-kva.example", "a-b"])
    assert.equal(validateDnsSearch(good), good);
  for (const bad of ["a..b", "-x", "x-", "", "a b", "a\nb", `${"a".repeat(64)}.b`, "a.".repeat(130), "bücher"])
    refuses(() => validateDnsSearch(bad), `${bad} is not a valid domain`);
});

test("validateDnsOption() takes one word", () => {
  assert.equal(validateDnsOption("ndots:2"), "ndots:2");
  for (const bad of ["", "a b", "a\nnameserver 6.6.6.6", "#x"]) refuses(() => validateDnsOption(bad), /^invalid DNS option: /);
});

test("validateHostname() takes what the kernel and a line of hosts take", () => {
  for (const good of ["", "web", "a.b.c", "größe", "a".repeat(64)]) assert.equal(validateHostname(good), good);
  for (const bad of ["a b", "a\nb", "a".repeat(65), "ü".repeat(33)]) refuses(() => validateHostname(bad), /^invalid hostname: /);
});

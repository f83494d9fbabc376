import assert from "node:assert/strict";
import { it } from "node:test";
import { FairwayError } from "#base";
import { parseHostIp, parseHostPort, parsePort } from "./parse.ts";

const badPort = (quoted: string) => (error: unknown) => {
  assert.ok(error instanceof FairwayError);
  assert.deepEqual(
    [error.category, error.code, error.message],
    ["invalidParameter", "bad-port", `invalid port specification: "${quoted}"`],
  );
  return true;
};

it("`parsePort()` reads ports, ranges and protocols", () => {
  assert.deepEqual(parsePort("80"), { proto: "tcp", from: 80, to: 80 });
  assert.deepEqual(parsePort("80/"), { proto: "tcp", from: 80, to: 80 });
  assert.deepEqual(parsePort("080/TCP"), { proto: "tcp", from: 80, to: 80 });
  assert.deepEqual(parsePort("8000-8010/udp"), { proto: "udp", from: 8000, to: 8010 });
  assert.deepEqual(parsePort("65535/sctp"), { proto: "sctp", from: 65535, to: 65535 });
});

it("`parsePort()` refuses in Docker's words, quoting the ports, or all of it when the protocol is wrong", () => {
  for (const text of ["0", "65536", "-1", "abc", "", "80-", "-80", "90-80", "80-81-82", "1e2", " 80", "80 ", "0x50", "٨٠", "100000000000"])
    assert.throws(() => parsePort(`${text}/tcp`), badPort(text), text);
  assert.throws(() => parsePort("80/xxx"), badPort("80/xxx"));
  assert.throws(() => parsePort("80/tcp/udp"), badPort("80/tcp/udp"));
});

it("`parseHostPort()` takes empty and 0 for ephemeral", () => {
  assert.equal(parseHostPort(""), undefined);
  assert.equal(parseHostPort("0"), undefined);
  assert.deepEqual(parseHostPort("8080"), { from: 8080, to: 8080 });
  assert.deepEqual(parseHostPort("1-65535"), { from: 1, to: 65535 });
  for (const text of ["70000", "9000-8000", " 80", "80-", "a-b", "-1", "0-10", "8080/tcp"])
    assert.throws(() => parseHostPort(text), badPort(text), text);
});

it("`parseHostIp()` gives canonical addresses and refuses what is none", () => {
  assert.equal(parseHostIp("[2001:DB8:0::1]"), "2001:db8::1");
  assert.equal(parseHostIp("::ffff:192.0.2.1"), "192.0.2.1");
  for (const text of ["zz", "localhost", "1.2.3", "fe80::1%eth0", "[1.2.3.4"])
    assert.throws(() => parseHostIp(text), { code: "bad-ip" }, text);
});

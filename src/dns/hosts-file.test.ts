import assert from "node:assert/strict";
import { test } from "node:test";
import { addHosts, buildHostname, buildHosts, extraHostEntries, hostsNames, linkNames, removeHosts } from "./hosts-file.ts";

test("buildHosts() has Docker's layout", () => {
  const own = [{ address: "172.17.0.2", names: hostsNames("a.b.c", "d.e") }];
  assert.equal(
    buildHosts(
      true,
      [
        { address: "1.2.3.4", names: "x" },
        { address: "::1", names: "y" },
      ],
      own,
    ),
    `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::	ip6-localnet
ff00::	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
1.2.3.4	x
::1	y
172.17.0.2	a.b.c.d.e a
`,
  );
  assert.equal(buildHosts(false, [], []), "127.0.0.1\tlocalhost\n");
});

test("hostsNames() puts the qualified name first", () => {
  assert.equal(hostsNames("web", ""), "web");
  assert.equal(hostsNames("web", "lan"), "web.lan web");
  assert.equal(hostsNames("a.b.c", ""), "a.b.c a");
});

test("linkNames() leaves the name out when it is the alias", () => {
  assert.equal(linkNames("db", "0123456789ab", "postgres"), "db 0123456789ab postgres");
  assert.equal(linkNames("db", "0123456789ab", "db"), "db 0123456789ab");
});

test("addHosts() and removeHosts() undo each other and leave the user's lines alone", () => {
  const before = "127.0.0.1\tlocalhost\n# mine\n10.0.0.9  web  # by hand\n172.18.0.2\tother";
  const entries = [
    { address: "172.18.0.2", names: "web" },
    { address: "fd00::2", names: "web" },
  ];
  const after = addHosts(before, entries);
  assert.equal(after, `${before}\n172.18.0.2\tweb\nfd00::2\tweb\n`);
  assert.equal(addHosts(after, entries), after, "twice is once");
  assert.equal(removeHosts(after, entries), `${before}\n`);
  assert.equal(removeHosts("172.18.0.2   web\n172.18.0.2 web mine\n", entries), "172.18.0.2 web mine\n");
  assert.equal(addHosts("", entries.slice(0, 1)), "172.18.0.2\tweb\n");
});

test("extraHostEntries() stands host-gateway for every gateway there is", () => {
  const hosts = [
    { name: "gw", address: "host-gateway" },
    { name: "x", address: "1.2.3.4" },
  ];
  assert.deepEqual(extraHostEntries(hosts, ["172.17.0.1", "fd00::1"]), [
    { address: "172.17.0.1", names: "gw" },
    { address: "fd00::1", names: "gw" },
    { address: "1.2.3.4", names: "x" },
  ]);
  assert.throws(() => extraHostEntries(hosts, []), {
    message: "unable to derive the IP value for host-gateway",
    category: "invalidParameter",
  });
});

test("buildHostname() is one line", () => {
  assert.equal(buildHostname("a.b.c"), "a.b.c\n");
});

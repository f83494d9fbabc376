import assert from "node:assert/strict";
import { it } from "node:test";
import { compactBindings, compactExposed, expandBindings, expandPort } from "./compact.ts";
import { planPorts } from "./plan.ts";
import type { PortBinding } from "./types.ts";

const range = (from: number, count: number, host: number, proto = "udp", hostIp = ""): [string, PortBinding[]][] =>
  Array.from({ length: count }, (_, index) => [`${from + index}/${proto}`, [{ hostIp, hostPort: String(host + index) }]]);

it("`compactBindings()` says a long range as one, and leaves the rest alone", () => {
  const bindings = Object.fromEntries([
    ...range(20000, 16384, 20000),
    ...range(80, 2, 8080, "tcp"),
    ["443/tcp", [{ hostIp: "", hostPort: "" }]],
    [
      "444/tcp",
      [
        { hostIp: "", hostPort: "1" },
        { hostIp: "127.0.0.1", hostPort: "2" },
      ],
    ],
    ["445/tcp", []],
  ] as [string, PortBinding[]][]);
  assert.deepEqual(compactBindings(Object.entries(bindings)), {
    "20000-36383/udp": [{ hostIp: "", hostPort: "20000-36383" }],
    ...Object.fromEntries(range(80, 2, 8080, "tcp")),
    "443/tcp": [{ hostIp: "", hostPort: "" }],
    "444/tcp": [
      { hostIp: "", hostPort: "1" },
      { hostIp: "127.0.0.1", hostPort: "2" },
    ],
    "445/tcp": [],
  });
});

it("`compactBindings()` breaks a range where an address, a protocol or the distance changes", () => {
  const bindings = Object.fromEntries([
    ...range(100, 20, 1100),
    ...range(120, 20, 2120),
    ...range(140, 20, 2140, "udp", "127.0.0.1"),
    ...range(100, 20, 1100, "tcp"),
  ]);
  assert.deepEqual(Object.keys(compactBindings(Object.entries(bindings))).sort(), [
    "100-119/tcp",
    "100-119/udp",
    "120-139/udp",
    "140-159/udp",
  ]);
});

it("`compactBindings()` changes nothing of what is planned", () => {
  const bindings = Object.fromEntries([...range(100, 40, 1100), ...range(150, 3, 3150), ...range(100, 17, 9000, "tcp", "::1")]);
  const planned = (what: typeof bindings) =>
    planPorts({ bindings: what })
      .map((request) => JSON.stringify(request))
      .sort();
  assert.deepEqual(planned(compactBindings(Object.entries(bindings)) as typeof bindings), planned(bindings));
});

it("`expandBindings()` is the inverse of `compactBindings()`", () => {
  const bindings = Object.fromEntries([...range(100, 40, 1100), ...range(150, 3, 3150), ["80/tcp", []] as [string, PortBinding[]]]);
  assert.deepEqual(expandBindings(compactBindings(Object.entries(bindings))), bindings);
});

it("`compactExposed()` and `expandPort()` are each other's inverse", () => {
  const ports = [...Array.from({ length: 30 }, (_, index) => `${8000 + index}/tcp`), "53/udp"];
  assert.deepEqual([...compactExposed(ports)].sort(), ["53/udp", "8000-8029/tcp"]);
  assert.deepEqual(
    compactExposed(ports)
      .flatMap(expandPort)
      .map(({ port, proto }) => `${port}/${proto}`)
      .sort(),
    [...ports].sort(),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { keptBindings, keptExposed, shownPorts } from "./port-records.ts";
import type { ContainerRecord } from "./record.ts";

const PORTS = Array.from({ length: 16384 }, (_, index) => 20000 + index);

test("`keptBindings()` and `keptExposed()` keep a long range in one piece, and `shownPorts()` gives every port back", () => {
  const given = {
    "80/tcp": [{ HostIp: "", HostPort: "" }],
    "81": [{ HostIp: "127.0.0.1", HostPort: "8081-8090" }],
    ...Object.fromEntries(PORTS.map((port) => [`${port}/udp`, [{ HostIp: "", HostPort: String(port + 1000) }]])),
  };
  const exposed = { "80/tcp": {}, ...Object.fromEntries(PORTS.map((port) => [`${port}/udp`, {}])) };
  const record = { config: { ExposedPorts: keptExposed(Object.keys(exposed)) }, hostConfig: { PortBindings: keptBindings(given) } };
  assert.deepEqual(record, {
    config: { ExposedPorts: { "80/tcp": {}, "20000-36383/udp": {} } },
    hostConfig: {
      PortBindings: {
        "80/tcp": [{ HostIp: "", HostPort: "" }],
        "81": [{ HostIp: "127.0.0.1", HostPort: "8081-8090" }],
        "20000-36383/udp": [{ HostIp: "", HostPort: "21000-37383" }],
      },
    },
  });
  assert.deepEqual(shownPorts(record as unknown as ContainerRecord), {
    Config: { ExposedPorts: exposed },
    HostConfig: { PortBindings: given },
  });
});

test("`keptBindings()` fills in the fields a client left out", () => {
  assert.deepEqual(keptBindings({ "80/tcp": [{ HostPort: "1" }], "81/tcp": null }), {
    "80/tcp": [{ HostIp: "", HostPort: "1" }],
    "81/tcp": [{ HostIp: "", HostPort: "" }],
  });
  assert.equal(keptBindings(null), null);
});

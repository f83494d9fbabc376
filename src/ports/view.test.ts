import assert from "node:assert/strict";
import { it } from "node:test";
import { portsView } from "./view.ts";

it("`portsView()` lists exposed ports as null and published ones with their bindings, in Go's key order", () => {
  const port = (hostIp: string, hostPort: number, containerPort: number, count = 1) => ({
    proto: "tcp" as const,
    hostIp,
    hostPort,
    hostPortEnd: hostPort + count - 1,
    containerPort,
  });
  const view = portsView(["9000", "80/tcp", "53/udp"], [port("0.0.0.0", 8080, 80), port("::", 8080, 80), port("10.0.0.1", 8000, 1000, 2)]);
  assert.equal(
    JSON.stringify(view),
    JSON.stringify({
      "1000/tcp": [{ hostIp: "10.0.0.1", hostPort: "8000" }],
      "1001/tcp": [{ hostIp: "10.0.0.1", hostPort: "8001" }],
      "53/udp": null,
      "80/tcp": [
        { hostIp: "0.0.0.0", hostPort: "8080" },
        { hostIp: "::", hostPort: "8080" },
      ],
      "9000/tcp": null,
    }),
  );
});

it("`portsView()` shows a routed port with an empty host port", () => {
  const view = portsView([], [{ proto: "udp", hostIp: "::", hostPort: 0, hostPortEnd: 1, containerPort: 53 }]);
  assert.deepEqual(view, { "53/udp": [{ hostIp: "::", hostPort: "" }], "54/udp": [{ hostIp: "::", hostPort: "" }] });
});

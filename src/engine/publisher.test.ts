import assert from "node:assert/strict";
import { test } from "node:test";
import { onHost, sandboxSpec } from "./testing.ts";
import type { SandboxSpec } from "./types.ts";

const binding = (hostPort: string, hostIp = "") => [{ hostIp, hostPort }];

test("`openSandbox()` gives a port that was left open one number for both families, though different networks serve them", () =>
  onHost(async ({ engine }, filesDir) => {
    await engine.createNetwork({ name: "only4" });
    await engine.createNetwork({ name: "only6", ipv4: false, ipv6: true });
    const open = async (id: string, on: string[], ports: SandboxSpec["ports"]) => {
      const spec = sandboxSpec(id, filesDir, { on, ports });
      await engine.declareSandbox(spec);
      await engine.openSandbox(spec.containerId);
      const view = engine.describeSandbox(spec.containerId).ports;
      return Object.entries(view).map(([port, list]) => [port, list?.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort}`).join(", ")]);
    };
    await open("a", ["only4"], { "80/tcp": binding("", "0.0.0.0"), "81/tcp": binding("9000", "0.0.0.0") });
    assert.deepEqual(
      await open("b", ["only4", "only6"], {
        "80/tcp": binding(""),
        "81/tcp": binding("9000-9010"),
        "82/tcp": binding("8082"),
        "83/tcp": binding("9000-9010", "::"),
      }),
      [
        ["80/tcp", "0.0.0.0 32769, :: 32769"],
        ["81/tcp", "0.0.0.0 9001, :: 9001"],
        ["82/tcp", "0.0.0.0 8082, :: 8082"],
        ["83/tcp", ":: 9000"],
      ],
    );
  }));

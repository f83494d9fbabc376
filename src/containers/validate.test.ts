import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FairwayError } from "#base";
import { fillHostConfig } from "./host-config.ts";
import type { ContainerRecord } from "./record.ts";
import { sandboxSpec } from "./sandbox-spec.ts";
import type { ContainerCreateBody, HostConfig } from "./types.ts";
import { validateCreate } from "./validate.ts";

describe("validateCreate()", () => {
  const joined = { NetworkMode: "container:x" };
  const cases: [string, ContainerCreateBody, HostConfig][] = [
    ["conflicting options: hostname and the network mode", { Hostname: "h" }, joined],
    ["conflicting options: dns and the network mode", {}, { ...joined, Dns: ["1.1.1.1"] }],
    ["conflicting options: custom host-to-IP mapping and the network mode", {}, { ...joined, ExtraHosts: ["a:1.1.1.1"] }],
    ["conflicting options: port publishing and the container type network mode", {}, { ...joined, PortBindings: { "80/tcp": [] } }],
    ["conflicting options: port exposing and the container type network mode", { ExposedPorts: { "80/tcp": {} } }, joined],
    [
      "conflicting options: container type network can't be used with links. This would result in undefined behavior",
      {},
      { ...joined, Links: ["a"] },
    ],
    [
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      {},
      { NetworkMode: "host", Links: ["a"] },
    ],
    ["conflicting options: hostname and the UTS mode", { Hostname: "h" }, { UTSMode: "host" }],
    ["invalid network mode: invalid container format container:<name|id>", {}, { NetworkMode: "container:" }],
    ['invalid port specification: "x"', {}, { PortBindings: { "80/tcp": [{ HostPort: "x" }] } }],
    ['invalid port specification: "90-80"', {}, { PortBindings: { "80/tcp": [{ HostPort: "90-80" }] } }],
    ['invalid port specification: "0/tcp"', {}, { PortBindings: { "0/tcp": [] } }],
    ['invalid port specification: "70000/tcp"', {}, { PortBindings: { "70000/tcp": [] } }],
    ["the working directory 'x' is invalid, it needs to be an absolute path", { WorkingDir: "x" }, {}],
    ["invalid environment variable: =x", { Env: ["=x"] }, {}],
    ["Invalid signal: WAVE", { StopSignal: "WAVE" }, {}],
    ["Minimum memory limit allowed is 6MB", {}, { Memory: 1000 }],
    ["Minimum memoryswap limit should be larger than memory limit, see usage", {}, { Memory: 64 << 20, MemorySwap: 32 << 20 }],
    ["Conflicting options: Nano CPUs and CPU Quota cannot both be set", {}, { NanoCpus: 1e9, CpuQuota: 5000 }],
    ["can't create 'AutoRemove' container with restart policy", {}, { AutoRemove: true, RestartPolicy: { Name: "always" } }],
    ["invalid restart policy 'often'", {}, { RestartPolicy: { Name: "often" } }],
    ["maximum retry count cannot be used with restart policy 'always'", {}, { RestartPolicy: { Name: "always", MaximumRetryCount: 1 } }],
    ['invalid CapAdd: unknown capability: "CAP_X"', {}, { CapAdd: ["X"] }],
  ];
  for (const [words, body, HostConfig] of cases)
    it(`validateCreate() throws "${words}"`, () =>
      assert.throws(
        () => validateCreate({ ...body, HostConfig }),
        (error) => error instanceof FairwayError && error.category === "invalidParameter" && error.message === words,
      ));
  it("validateCreate() takes what is right", () =>
    validateCreate({
      Env: ["A=", "B"],
      ExposedPorts: { "80-90/udp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8000-8010", HostIp: "::1" }], "81": null } },
    }));
});

describe("sandboxSpec()", () => {
  const context = {
    defaultNetwork: "bridge",
    filesDir: "/f",
    sameNetwork: (a: string, b: string) => a === b || (a === "id-of-net" && b === "net"),
    containerId: (name: string) => `id-of-${name}`,
  };
  const spec = (config: object, hostConfig: HostConfig, networking?: ContainerCreateBody["NetworkingConfig"]) => {
    const record = {
      id: "c",
      name: "n",
      config: { Hostname: "h", ...config },
      hostConfig: fillHostConfig(hostConfig, { cgroupV2: false, runtime: "runc" }),
    };
    return sandboxSpec(record as unknown as ContainerRecord, networking, context);
  };
  it("sandboxSpec() joins the default network when nothing is said", () => {
    assert.deepEqual(spec({}, {}).endpoints, [{ network: "bridge", spec: {} }]);
    assert.deepEqual(spec({}, { NetworkMode: "host" }).network, { mode: "host" });
    assert.deepEqual(spec({ NetworkDisabled: true }, {}).network, { mode: "none" });
    assert.deepEqual(spec({}, { NetworkMode: "container:x" }).network, { mode: "container", containerId: "x" });
  });
  it("sandboxSpec() puts the mode's network first and keeps the others' order", () => {
    const { endpoints } = spec(
      { MacAddress: "02-42-00-00-00-01" },
      { NetworkMode: "net" },
      {
        EndpointsConfig: { zz: {}, "id-of-net": { Aliases: ["a"], IPAMConfig: { IPv4Address: "10.0.0.5" } }, aa: { GwPriority: 5 } },
      },
    );
    assert.deepEqual(endpoints, [
      { network: "net", spec: { ipv4: "10.0.0.5", aliases: ["a"], mac: "02:42:00:00:00:01" } },
      { network: "zz", spec: {} },
      { network: "aa", spec: { gwPriority: 5 } },
    ]);
  });
  it("sandboxSpec() reads ports, exposed ranges and links", () => {
    const result = spec(
      { ExposedPorts: { "80-82/TCP": {} } },
      { PortBindings: { "80": [], "53/udp": [{ HostIp: "::1", HostPort: "53" }] }, Links: ["db:sql", "web"] },
    );
    assert.deepEqual(result.ports, { "80/tcp": [{ hostIp: "", hostPort: "" }], "53/udp": [{ hostIp: "::1", hostPort: "53" }] });
    assert.deepEqual(result.exposed, ["80-82/tcp"]);
    assert.deepEqual(result.links, ["id-of-db:sql", "id-of-web:web"]);
    const user = spec({}, { NetworkMode: "net", Links: ["db:sql"] });
    assert.deepEqual([user.links, user.endpoints[0]!.spec.links], [[], ["db:sql"]]);
  });
});

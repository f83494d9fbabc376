import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerCreateBody } from "#containers";
import { downgradeInspect, upgradeCreateBody } from "./container-shims.ts";

const upgrade = (body: ContainerCreateBody, version: string) => upgradeCreateBody({ Image: "x", ...body }, version);
const endpoints = (body: ContainerCreateBody) => body.NetworkingConfig?.EndpointsConfig;
const MAC = "02:42:0a:00:00:02";

test("`upgradeCreateBody()` moves a container-wide MAC to the main endpoint before API 1.44", () => {
  assert.deepEqual(endpoints(upgrade({ MacAddress: MAC, HostConfig: { NetworkMode: "blue" } }, "1.41").body), {
    blue: { MacAddress: MAC },
  });
  assert.deepEqual(endpoints(upgrade({ MacAddress: MAC }, "1.41").body), { bridge: { MacAddress: MAC } });
  const ignored = { NetworkingConfig: { EndpointsConfig: { blue: { MacAddress: MAC } } } };
  assert.deepEqual(endpoints(upgrade(ignored, "1.43").body), { blue: {} });
  assert.deepEqual(endpoints(upgrade(ignored, "1.44").body), { blue: { MacAddress: MAC } });
  assert.throws(
    () => upgrade({ MacAddress: MAC, HostConfig: { NetworkMode: "host" } }, "1.41"),
    /conflicting options: mac-address and the network mode/,
  );
});

test("`upgradeCreateBody()` warns of a container-wide MAC from API 1.44 on, and wants it to match", () => {
  const { body, warnings } = upgrade({ MacAddress: MAC, HostConfig: { NetworkMode: "blue" } }, "1.50");
  assert.deepEqual(endpoints(body), { blue: { MacAddress: MAC } });
  assert.match(warnings[0]!, /now deprecated/);
  const other = {
    NetworkingConfig: { EndpointsConfig: { blue: { MacAddress: "02:42:0a:00:00:03" } } },
    HostConfig: { NetworkMode: "blue" },
  };
  assert.throws(() => upgrade({ ...other, MacAddress: MAC }, "1.50"), /must match the endpoint-specific MAC address/);
});

test("`upgradeCreateBody()` refuses several endpoints before API 1.44 and drops GwPriority before 1.48", () => {
  const two = { NetworkingConfig: { EndpointsConfig: { a: { GwPriority: 3 }, b: null } } };
  assert.throws(() => upgrade(two, "1.43"), { message: "Container cannot be created with multiple network endpoints: a, b" });
  assert.deepEqual(endpoints(upgrade(two, "1.47").body), { a: {}, b: null });
  assert.deepEqual(endpoints(upgrade(two, "1.48").body), { a: { GwPriority: 3 }, b: null });
});

test("`upgradeCreateBody()` moves sysctls of eth0 to the endpoint up to API 1.47 and refuses them after", () => {
  const given = { HostConfig: { NetworkMode: "blue", Sysctls: { "net.ipv4.conf.eth0.forwarding": "1", "net.ipv4.ip_forward": "0" } } };
  const { body, warnings } = upgrade(given, "1.47");
  assert.deepEqual(endpoints(body), {
    blue: { DriverOpts: { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.forwarding=1" } },
  });
  assert.deepEqual(body.HostConfig?.Sysctls, { "net.ipv4.ip_forward": "0" });
  assert.equal(warnings.length, 1);
  assert.throws(() => upgrade(given, "1.48"), /must be supplied using driver option/);
});

test("`upgradeCreateBody()` takes an empty list of bindings for an ephemeral port and leaves its argument alone", () => {
  const given = { HostConfig: { PortBindings: { "80/tcp": [], "81/tcp": null, "82/tcp": [{ HostPort: "1" }] } } };
  assert.deepEqual(upgrade(given, "1.50").body.HostConfig?.PortBindings, { "80/tcp": [{}], "81/tcp": [{}], "82/tcp": [{ HostPort: "1" }] });
  assert.deepEqual(given.HostConfig.PortBindings["80/tcp"], []);
});

test("`downgradeInspect()` gives each version the fields it knows", () => {
  const inspect = {
    Id: "a".repeat(64),
    NetworkSettings: {
      Networks: {
        bridge: { IPAddress: "172.17.0.2", IPPrefixLen: 16, GwPriority: 1, DNSNames: ["x"] },
        blue: { Aliases: null, GwPriority: 0, DNSNames: [] },
      },
    },
  };
  const at = (version: string) =>
    downgradeInspect(inspect, version).NetworkSettings as Record<string, unknown> & { Networks: Record<string, Record<string, unknown>> };
  assert.equal(at("1.50").IPAddress, "172.17.0.2");
  assert.equal(at("1.50").Bridge, "");
  assert.equal(at("1.48").Networks.bridge?.GwPriority, 1);
  assert.ok(!("GwPriority" in at("1.47").Networks.bridge!));
  assert.ok("DNSNames" in at("1.44").Networks.bridge!);
  assert.ok(!("DNSNames" in at("1.43").Networks.bridge!));
  assert.deepEqual(at("1.44").Networks.blue?.Aliases, ["aaaaaaaaaaaa"]);
  assert.equal(at("1.45").Networks.blue?.Aliases, null);
});

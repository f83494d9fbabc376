import assert from "node:assert/strict";
import { test } from "node:test";
import { againstDockerd, stage } from "./stage.ts";

const ID = /^[0-9a-f]{64}$/;

/** The wanted keys stand in an object in this order, whatever a newer API adds between them. */
function assertKeys(object: Record<string, unknown>, wanted: readonly string[]) {
  assert.deepEqual(
    Object.keys(object).filter((key) => wanted.includes(key)),
    wanted,
  );
}

test("E02 inspect: the default network and a container on it", async (t) => {
  const { docker } = await stage(t);
  const id = await docker("run -itd --name web busybox");
  assert.match(id, ID);

  const [network] = JSON.parse(await docker("network inspect bridge"));
  const endpoint = network.Containers[id];

  await t.test("`docker network inspect bridge` has every field", () => {
    assertKeys(network, [
      "Name",
      "Id",
      "Created",
      "Scope",
      "Driver",
      "EnableIPv6",
      "IPAM",
      "Internal",
      "Attachable",
      "Ingress",
      "ConfigFrom",
      "ConfigOnly",
      "Containers",
      "Options",
      "Labels",
    ]);
    assert.match(network.Id, ID);
    assert.match(network.Created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    const { Name, Scope, Driver, EnableIPv6, Internal, Attachable, Ingress, ConfigFrom, ConfigOnly, Labels } = network;
    assert.deepEqual(
      { Name, Scope, Driver, EnableIPv6, Internal, Attachable, Ingress, ConfigFrom, ConfigOnly, Labels },
      {
        Name: "bridge",
        Scope: "local",
        Driver: "bridge",
        EnableIPv6: false,
        Internal: false,
        Attachable: false,
        Ingress: false,
        ConfigFrom: { Network: "" },
        ConfigOnly: false,
        Labels: {},
      },
    );
    // dockerd 20.10 leaves the gateway out until it has been started a second time.
    const gateway = againstDockerd ? {} : { Gateway: "172.17.0.1" };
    assert.deepEqual(network.IPAM, { Driver: "default", Options: null, Config: [{ Subnet: "172.17.0.0/16", ...gateway }] });
    assert.deepEqual(network.Options, {
      "com.docker.network.bridge.default_bridge": "true",
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": "true",
      "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
      "com.docker.network.bridge.name": "docker0",
      "com.docker.network.driver.mtu": "1500",
    });
  });

  await t.test("its Containers name the one on it", () => {
    assert.deepEqual(Object.keys(network.Containers), [id]);
    assert.deepEqual(Object.keys(endpoint), ["Name", "EndpointID", "MacAddress", "IPv4Address", "IPv6Address"]);
    assert.match(endpoint.EndpointID, ID);
    assert.deepEqual(
      [endpoint.Name, endpoint.MacAddress, endpoint.IPv4Address, endpoint.IPv6Address],
      ["web", "02:42:ac:11:00:02", "172.17.0.2/16", ""],
    );
  });

  await t.test("`docker inspect -f` gives the container's side of it", async () => {
    const settings = JSON.parse(await docker(`inspect ${id} -f '{{json .NetworkSettings.Networks.bridge}}'`));
    const wanted = {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      NetworkID: network.Id,
      EndpointID: endpoint.EndpointID,
      Gateway: "172.17.0.1",
      IPAddress: "172.17.0.2",
      IPPrefixLen: 16,
      IPv6Gateway: "",
      GlobalIPv6Address: "",
      GlobalIPv6PrefixLen: 0,
      MacAddress: "02:42:ac:11:00:02",
      DriverOpts: null,
    };
    for (const [field, value] of Object.entries(wanted)) assert.deepEqual(settings[field], value, field);
    assert.equal(
      await docker("inspect -f '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.SandboxKey}}' web").then((line) => line.split(" ")[0]),
      "172.17.0.2",
    );
    assert.equal(await docker("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge"), "172.17.0.0/16");
  });

  await t.test("`docker network ls` has the three predefined networks", async () => {
    const listed = (await docker("network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'")).split("\n").sort();
    assert.deepEqual(listed, ["bridge bridge local", "host host local", "none null local"]);
  });
});

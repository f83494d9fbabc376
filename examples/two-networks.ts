/**
 * The engine as a library: two networks and three namespaces on them, without a daemon or containers. It works on the network namespace it is started in;
 * to leave the machine's own alone, run it in one of its own:
 *   unshare --net --mount node_modules/.bin/node examples/two-networks.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { engineConfig, type NetworkMode, openEngine, type SandboxSpec } from "#engine";
import { openStore } from "#store";

const directory = mkdtempSync(`${tmpdir()}/two-networks-`);
const store = await openStore("memory:");
// The directory of namespaces is a mount of its own from then on, as a daemon's is.
const execRoot = "/run/two-networks";
const engine = await openEngine({ config: engineConfig({ dataRoot: directory, execRoot }), store });

const networks: NetworkMode = { mode: "networks" };
function sandbox(name: string, network: string, ipv4?: string): SandboxSpec {
  return {
    containerId: name,
    containerName: name,
    network: networks,
    endpoints: [{ network, spec: { aliases: [`${name}.example`], ...(ipv4 ? { ipv4 } : {}) } }],
    hostname: name,
    domainname: "",
    dns: { servers: [], search: [], options: [] },
    extraHosts: [],
    ports: {},
    exposed: [],
    publishAll: false,
    links: [],
    filesDir: `${directory}/${name}`,
    sysctls: {},
  };
}

await engine.createNetwork({ name: "blue" });
await engine.createNetwork({
  name: "green",
  ipam: { driver: "default", options: null, config: [{ subnet: "10.20.0.0/24" }] },
  options: { "com.docker.network.driver.mtu": "1400" },
});

const names = ["a", "b", "c"] as const;
await engine.declareSandbox(sandbox("a", "blue"));
await engine.declareSandbox(sandbox("b", "blue"));
await engine.declareSandbox(sandbox("c", "green", "10.20.0.5"));
for (const name of names) {
  const { netnsPath } = await engine.openSandbox(name);
  const [endpoint] = engine.describeSandbox(name).endpoints;
  console.log(`${name}: ${endpoint?.ipv4}/${endpoint?.ipv4Prefix} on ${endpoint?.networkName}, ${endpoint?.mac}, namespace ${netnsPath}`);
}

await engine.connect("green", "a", {});
console.log(
  `a is on ${engine
    .describeSandbox("a")
    .endpoints.map((endpoint) => `${endpoint.networkName} (${endpoint.ipv4})`)
    .join(" and ")}`,
);

for (const name of names) {
  await engine.closeSandbox(name);
  await engine.forgetSandbox(name);
}
for (const name of ["blue", "green"]) await engine.removeNetwork(name);
console.log(
  `left: ${engine
    .listNetworks()
    .map((network) => network.name)
    .join(", ")}`,
);

await engine.close();
await store.close();
rmSync(directory, { recursive: true, force: true });

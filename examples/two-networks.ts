/**
 * The engine as a library: two networks and three namespaces on them, without a daemon or containers. It works on the network namespace it is started in;
 * to leave the machine's own alone, run it in one of its own:
 *   unshare --net --mount node_modules/.bin/node examples/two-networks.ts
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { engineConfig, openEngine, type SandboxSpec } from "#engine";
import { openStore } from "#store";

const directory = mkdtempSync(`${tmpdir()}/two-networks-`);
const store = await openStore("memory:");
// `none`: a program has no use for docker0.
const bridge = { name: "none", foreign: false, ipv6: false };
const engine = await openEngine({ config: engineConfig({ dataRoot: directory, execRoot: `${directory}/run`, bridge }), store });

/** What a namespace wants of its network. Most of it is Docker's vocabulary, and empty here. */
function sandbox(name: string, network: string, ipv4?: string): SandboxSpec {
  return {
    containerId: name,
    containerName: name,
    network: { mode: "networks" },
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

/** Pings from inside a namespace: any program can be started in one, by its path. */
function reaches(namespace: string, address: string): boolean {
  try {
    execFileSync("nsenter", [`--net=${namespace}`, "ping", "-c", "1", "-W", "1", "-q", address], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
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
const paths: Record<string, string> = {};
for (const name of names) {
  const { netnsPath = "" } = await engine.openSandbox(name);
  const [endpoint] = engine.describeSandbox(name).endpoints;
  console.log(`${name}: ${endpoint?.ipv4}/${endpoint?.ipv4Prefix} on ${endpoint?.networkName}, ${endpoint?.mac}, namespace ${netnsPath}`);
  paths[name] = netnsPath;
}

const addressOf = (name: string): string => engine.describeSandbox(name).endpoints[0]?.ipv4 ?? "";
function printMatrix(title: string): void {
  console.log(title);
  for (const from of names) {
    const cells = names.map((to) => `${to} ${reaches(paths[from]!, addressOf(to)) ? "yes" : "no"}`);
    console.log(`  from ${from}: ${cells.join(", ")}`);
  }
}

printMatrix("networks are apart:");
await engine.connect("green", "a", {});
const on = engine.describeSandbox("a").endpoints.map((endpoint) => `${endpoint.networkName} (${endpoint.ipv4})`);
console.log(`a is on ${on.join(" and ")}`);
printMatrix("a reaches both:");

for (const name of names) {
  await engine.closeSandbox(name);
  await engine.forgetSandbox(name);
}
for (const name of ["blue", "green"]) await engine.removeNetwork(name);
const left = engine.listNetworks().map((network) => network.name);
console.log(`left: ${left.join(", ")}; drift: ${engine.drift().length}`);

await engine.close();
await store.close();
rmSync(directory, { recursive: true, force: true });

import type { Operation } from "./operation.ts";
import { withQuery } from "./operation.ts";
import type { Scene } from "./scene.ts";

const SUBNETS = ["10.11.0.0/24", "10.11.0.0/16", "10.12.0.0/24", "10.12.0.128/25", "10.13.0.0/29", "10.14.0.0/30", "192.168.200.0/23"];
const BAD_SUBNETS = ["10.11.0.0", "10.11.0.0/33", "bogus", "10.300.0.0/16", ""];
const LABELS = [{ tier: "front" }, { tier: "back", "com.example.owner": "me" }, { "": "empty" }, {}];
const OPTIONS = [
  { "com.docker.network.bridge.enable_icc": "false" },
  { "com.docker.network.bridge.enable_ip_masquerade": "0" },
  { "com.docker.network.driver.mtu": "1400" },
  { "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1" },
  { "com.example.unknown": "kept" },
  { "com.docker.network.container_iface_prefix": "net" },
];
const BAD_OPTIONS = [
  { "com.docker.network.bridge.enable_icc": "perhaps" },
  { "com.docker.network.driver.mtu": "many" },
  { "com.docker.network.bridge.host_binding_ipv4": "nowhere" },
];

const base = (subnet: string) => subnet.replace(/\.\d+\/\d+$/, "");

function ipamConfig({ random }: Scene): Record<string, unknown> {
  const subnet = random.pick(SUBNETS);
  const config: Record<string, unknown> = { Subnet: subnet };
  if (random.chance(0.4)) config.Gateway = subnet.replace(/(\d+)\/\d+$/, (_, last) => String(Number(last) + random.pick([1, 2])));
  if (random.chance(0.25) && subnet.endsWith("/23")) config.IPRange = `${base(subnet)}.64/${random.pick([26, 27, 28])}`;
  if (random.chance(0.2) && /\/(23|29)$/.test(subnet))
    config.AuxiliaryAddresses = { router: subnet.replace(/(\d+)\/\d+$/, (_, last) => String(Number(last) + 3)) };
  return config;
}

/** dockerd forgets to give back what it took before it failed: a subnet of this list may be gone for good, so each is used once in a run. */
export const BAD_IPAM: readonly Record<string, unknown>[] = [
  { Config: [{ Subnet: "10.61.0.0/24", Gateway: "10.99.0.1" }] },
  { Config: [{ Subnet: "10.62.0.0/24", Gateway: "bogus" }] },
  { Config: [{ Subnet: "10.63.0.0/24", IPRange: "10.99.0.0/28" }] },
  { Config: [{ Subnet: "10.64.0.0/24", IPRange: "10.64.0.0/16" }] },
  { Config: [{ Subnet: "10.65.0.0/24", AuxiliaryAddresses: { a: "10.99.0.1" } }] },
  { Config: [{ Subnet: "10.66.0.0/24" }, { Subnet: "10.67.0.0/24" }] },
  { Config: [{ Subnet: "10.68.0.0/24", Gateway: "10.68.0.1", AuxiliaryAddresses: { a: "10.68.0.1" } }] },
  { Config: [{ Gateway: "10.69.0.1" }] },
  { Config: [{ Subnet: "10.70.0.5/24" }] },
  { Driver: "nosuch" },
];

export function createNetwork(scene: Scene): Operation {
  const { random } = scene;
  const Name = random.chance(0.05) ? random.pick(["bridge", "host", "none", "", "net two", "ü-net"]) : scene.newNetworkName();
  const body: Record<string, unknown> = { Name };
  body.CheckDuplicate = true;
  if (random.chance(0.3)) body.Driver = random.chance(0.9) ? "bridge" : random.pick(["host", "null", "overlay"]);
  const configurations = scene.networks.filter(({ configOnly }) => configOnly);
  if (configurations.length > 0 && random.chance(0.5)) {
    body.ConfigFrom = { Network: random.pick(configurations).name };
    if (random.chance(0.15)) body.Labels = { tier: "own" };
  } else {
    if (random.chance(0.55))
      body.IPAM = random.chance(0.08)
        ? { Config: [{ Subnet: random.pick(BAD_SUBNETS) }] }
        : { Driver: "default", Config: [ipamConfig(scene)] };
    if (random.chance(0.35)) body.Options = random.chance(0.1) ? random.pick(BAD_OPTIONS) : random.pick(OPTIONS);
    if (random.chance(0.35)) body.Labels = random.pick(LABELS);
    if (random.chance(0.04)) body.ConfigFrom = { Network: "nosuch" };
  }
  if (random.chance(0.12)) body.Internal = true;
  if (random.chance(0.08)) body.Attachable = true;
  if (random.chance(0.1)) body.ConfigOnly = true;
  if (random.chance(0.03)) body.Scope = random.pick(["local", "swarm", "global"]);
  if (random.chance(0.02)) body.Ingress = true;
  const handle = scene.newHandle("N");
  scene.networks.push({ handle, name: Name, configOnly: body.ConfigOnly === true, config: ipamOf(body) });
  return { kind: "network create", method: "POST", path: "/networks/create", body, handle };
}

const ipamOf = (body: Record<string, unknown>): Record<string, unknown> | undefined =>
  (body.IPAM as { Config?: Record<string, unknown>[] } | undefined)?.Config?.[0];

export const badNetworkBody = ({ random }: Scene): Operation => ({
  kind: "network create",
  method: "POST",
  path: "/networks/create",
  raw: random.pick([
    '{"Name":',
    "[]",
    '"text"',
    '{"Name":7}',
    '{"Name":"x","Labels":["a"]}',
    '{"Name":"x","IPAM":{"Config":{}}}',
    '{"Name":"x","Internal":"yes"}',
  ]),
});

export function inspectNetwork(scene: Scene): Operation {
  const path = `/networks/${encodeURIComponent("x").replace("x", scene.networkReference())}`;
  return {
    kind: "network inspect",
    method: "GET",
    path: scene.random.chance(0.1) ? `${path}?scope=${scene.random.pick(["local", "swarm", "global"])}` : path,
  };
}

export function listNetworks({ random, networks }: Scene): Operation {
  const filters = random.pick<Record<string, unknown>>([
    {},
    { driver: ["bridge"] },
    { driver: ["null", "host"] },
    { name: ["blue"] },
    { name: ["lue", "host"] },
    { type: ["custom"] },
    { type: ["builtin"] },
    { type: ["other"] },
    { label: ["tier"] },
    { label: ["tier=front"] },
    { label: ["tier=front", "tier=back"] },
    { scope: ["local"] },
    { scope: ["swarm"] },
    { dangling: ["true"] },
    { dangling: ["false"] },
    { dangling: ["perhaps"] },
    { bogus: ["1"] },
    { id: [networks.length > 0 ? `{${networks[0]!.handle}:12}` : "abc"] },
  ]);
  const path = Object.keys(filters).length > 0 ? withQuery("/networks", { filters }) : "/networks";
  return { kind: "network list", method: "GET", path };
}

export function connect(scene: Scene): Operation {
  const { random } = scene;
  const network = random.chance(0.85) ? scene.someNetwork() : undefined;
  const settings: Record<string, unknown> = {};
  if (random.chance(0.35)) settings.IPAMConfig = { IPv4Address: staticAddress(scene, network?.config) };
  if (random.chance(0.35)) settings.Aliases = random.pick([["db"], ["db", "database"], ["web"]]);
  if (random.chance(0.05)) settings.Links = ["web:other"];
  const body: Record<string, unknown> = { Container: scene.containerReference() };
  if (Object.keys(settings).length > 0 || random.chance(0.5)) body.EndpointConfig = settings;
  const reference = network ? random.pick([network.name, `{${network.handle}}`]) : scene.networkReference();
  return {
    kind: "network connect",
    method: "POST",
    path: `/networks/${encodeURIComponent(reference).replace(/%7B(\w+)%7D/g, "{$1}")}/connect`,
    body,
  };
}

/** Mostly inside the subnet of the network. */
export function staticAddress({ random }: Scene, config: Record<string, unknown> | undefined): string {
  if (random.chance(0.1)) return random.pick(["bogus", "10.99.0.9", "fd00::1"]);
  const subnet = typeof config?.Subnet === "string" && config.Subnet.includes("/") ? config.Subnet : "10.11.0.0/24";
  return subnet.replace(/(\d+)\/\d+$/, (_, last) => String(Number(last) + random.pick([1, 4, 5, 6, 5, 6])));
}

export function disconnect(scene: Scene): Operation {
  const { random } = scene;
  const body: Record<string, unknown> = { Container: scene.containerReference() };
  if (random.chance(0.3)) body.Force = true;
  return { kind: "network disconnect", method: "POST", path: `/networks/${scene.networkReference()}/disconnect`, body };
}

export const removeNetwork = (scene: Scene): Operation => ({
  kind: "network rm",
  method: "DELETE",
  path: `/networks/${scene.networkReference()}`,
});

export function pruneNetworks({ random }: Scene): Operation {
  const filters = random.pick<Record<string, unknown> | undefined>([
    undefined,
    undefined,
    { label: ["tier=front"] },
    { "label!": ["tier"] },
    { until: ["1h"] },
    { until: ["never"] },
    { bogus: ["1"] },
  ]);
  return { kind: "network prune", method: "POST", path: filters ? withQuery("/networks/prune", { filters }) : "/networks/prune" };
}

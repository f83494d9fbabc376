import { execFileSync } from "node:child_process";
import { HOST, type Log } from "#base";
import { bridgeDriver, hostDriver, macvlanDriver, noneDriver } from "#drivers";
import {
  type Executor,
  HostObserver,
  KernelExecutor,
  NftFirewall,
  openDnsSockets,
  PortReserver,
  SandboxNamespaces,
  tcpSocketIn,
  udpSocketIn,
} from "#fabric";
import type { Store } from "#store";
import { LocalEngine } from "./engine.ts";
import { engineConfig } from "./open.ts";
import type { Namespaces } from "./options.ts";
import { sandboxSpec } from "./testing.ts";

/** The engine on the real kernel with its executor and namespaces wrapped. */
export async function openForCrash(
  directory: string,
  store: Store,
  log: Log,
  wrap: { executor(executor: Executor): Executor; namespaces(namespaces: Namespaces): Namespaces },
): Promise<LocalEngine> {
  const observer = new HostObserver();
  const firewall = new NftFirewall(HOST);
  firewall.load();
  class Ports extends PortReserver {
    flushUdp() {}
  }
  return LocalEngine.open({
    config: engineConfig({ dataRoot: directory, execRoot: directory }),
    ...{ store, log, ports: new Ports() },
    executor: wrap.executor(new KernelExecutor(firewall)),
    namespaces: wrap.namespaces(new SandboxNamespaces(`${directory}/netns`)),
    host: {
      facts: (defaults) => ({ link: (name) => observer.link(name), links: () => observer.links(), defaults }),
      routes: () => observer.routes(),
      ephemeralPorts: () => observer.ephemeralPorts(),
    },
    sockets: { dns: openDnsSockets, udp: udpSocketIn, tcp: tcpSocketIn },
    drivers: [bridgeDriver, hostDriver, macvlanDriver, noneDriver],
  });
}

/** A container on two networks with a published port and a published range. */
export const crashSpec = (directory: string) =>
  sandboxSpec("a", directory, {
    on: ["blue"],
    ports: { "80/tcp": [{ hostIp: "", hostPort: "8080" }], "5000-5010/udp": [{ hostIp: "", hostPort: "5000-5010" }] },
  });

interface CrashOperation {
  /** What must be there before, made without a crash. */
  before(engine: LocalEngine, directory: string): Promise<void>;
  act(engine: LocalEngine, directory: string): Promise<void>;
}

const nothing = async () => {};
const idOf = (directory: string) => crashSpec(directory).containerId;

async function networks(engine: LocalEngine): Promise<void> {
  await engine.createNetwork({ name: "blue" });
  await engine.createNetwork({ name: "red", ipv6: true });
}

/** It makes a link that is not its own promiscuous. */
async function promiscuous(engine: LocalEngine): Promise<void> {
  await engine.createNetwork({ name: "lan", driver: "macvlan", options: { parent: "docker0", "fairway.promiscuous": "true" } });
}

/** A bridge of somebody else's, which a network may use. */
export const FOREIGN_BRIDGE = "own0";
const foreign = async () => void execFileSync("ip", ["link", "add", FOREIGN_BRIDGE, "type", "bridge"]);
const adopting = { name: "adopting", options: { "com.docker.network.bridge.name": FOREIGN_BRIDGE } };

async function declared(engine: LocalEngine, directory: string): Promise<void> {
  await networks(engine);
  await engine.declareSandbox(crashSpec(directory));
}

async function running(engine: LocalEngine, directory: string): Promise<void> {
  await declared(engine, directory);
  await engine.openSandbox(idOf(directory));
}

async function connected(engine: LocalEngine, directory: string): Promise<void> {
  await running(engine, directory);
  await engine.connect("red", idOf(directory), { gwPriority: 1 });
}

export const CRASH_OPERATIONS: Readonly<Record<string, CrashOperation>> = {
  create: { before: nothing, act: async (engine) => void (await engine.createNetwork({ name: "blue" })) },
  remove: { before: networks, act: (engine) => engine.removeNetwork("blue") },
  "create a promiscuous network": { before: nothing, act: promiscuous },
  "remove a promiscuous network": { before: promiscuous, act: (engine) => engine.removeNetwork("lan") },
  "create a network on a bridge that is there": { before: foreign, act: async (engine) => void (await engine.createNetwork(adopting)) },
  "remove a network on a bridge that is there": {
    async before(engine) {
      await foreign();
      await engine.createNetwork(adopting);
    },
    act: (engine) => engine.removeNetwork("adopting"),
  },
  declare: { before: networks, act: (engine, directory) => engine.declareSandbox(crashSpec(directory)) },
  start: { before: declared, act: async (engine, directory) => void (await engine.openSandbox(idOf(directory))) },
  connect: { before: running, act: (engine, directory) => engine.connect("red", idOf(directory), { gwPriority: 1 }) },
  disconnect: { before: connected, act: (engine, directory) => engine.disconnect("blue", idOf(directory), false) },
  stop: { before: connected, act: (engine, directory) => engine.closeSandbox(idOf(directory)) },
  rm: { before: connected, act: (engine, directory) => engine.forgetSandbox(idOf(directory)) },
};

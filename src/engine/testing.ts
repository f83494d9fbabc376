/** What the engine's own tests are made from: parts of a real or a pretended host. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST, silentLog } from "#base";
import { bridgeDriver, type Driver, type HostFacts, type HostLink, hostDriver, macvlanDriver, noneDriver } from "#drivers";
import { MemoryExecutor, openDnsSockets } from "#fabric";
import { MemoryStore, type Store } from "#store";
import { LocalEngine } from "./engine.ts";
import { engineConfig } from "./open.ts";
import type { DhcpDoor, EngineConfig, EngineOptions, LanDoor, Namespaces } from "./options.ts";
import type { EndpointSpec, SandboxSpec } from "./types.ts";

export class FakeNamespaces implements Namespaces {
  readonly paths = new Set<string>();
  create(path: string) {
    if (this.paths.has(path)) throw new Error(`${path} exists`);
    this.paths.add(path);
  }
  remove(path: string) {
    this.paths.delete(path);
  }
  exists(path: string) {
    return this.paths.has(path);
  }
  list() {
    return [...this.paths];
  }
  close() {}
}

export interface FakeHost {
  readonly engine: LocalEngine;
  readonly kernel: MemoryExecutor;
  readonly namespaces: FakeNamespaces;
  readonly store: Store;
  /** Another engine on the same store, kernel and namespaces, as after a restart of the daemon. */
  restart(): Promise<FakeHost>;
}

export interface FakeOptions {
  readonly filesDir: string;
  readonly config?: Partial<EngineConfig>;
  readonly links?: readonly HostLink[];
  readonly routes?: readonly string[];
  readonly nameservers?: readonly string[];
  readonly drivers?: readonly Driver[];
  readonly lan?: EngineOptions["lan"];
}

/** A LAN on which `holderOf` says who has an address, and nobody gives any unless `server` does. */
export function fakeLan(holderOf: (address: string) => Promise<string | undefined>, server: Partial<DhcpDoor> = {}): LanDoor & DhcpDoor {
  const nothing = (): Disposable => ({ [Symbol.dispose]() {} });
  return {
    probeAddress: async ({ address }) => {
      const mac = await holderOf(address);
      return mac === undefined ? {} : { conflict: mac };
    },
    announceAddresses: nothing,
    watchConflicts: nothing,
    solicitRouter: async () => undefined,
    acquireLease: () => Promise.reject(new Error("no server here")),
    keepLease: nothing,
    giveLeaseBack: async () => {},
    ...server,
  };
}

/** An engine on a kernel of plain data. The embedded DNS listens on the test's own loopback. */
export async function fakeHost(options: FakeOptions, kept?: Pick<FakeHost, "kernel" | "namespaces" | "store">): Promise<FakeHost> {
  const { kernel, namespaces, store } = kept ?? {
    kernel: new MemoryExecutor(),
    namespaces: new FakeNamespaces(),
    store: new MemoryStore(),
  };
  const links = new Map((options.links ?? []).map((link) => [link.name, link]));
  const parts: EngineOptions = {
    config: engineConfig({ dataRoot: options.filesDir, execRoot: "/run/fake", ...options.config }),
    ...{ store, executor: kernel, namespaces, log: silentLog },
    host: {
      facts: (defaults): HostFacts => ({ link: (name) => links.get(name), links: () => [...links.values()], defaults }),
      routes: () => options.routes ?? [],
      nameservers: () => options.nameservers ?? [],
      ephemeralPorts: () => [32768, 60999],
    },
    ports: { reserve: () => ({ [Symbol.dispose]() {} }), flushUdp() {} },
    sockets: {
      dns: () => openDnsSockets(HOST, "127.0.0.1"),
      udp: () => {
        throw new Error("no sockets here");
      },
      tcp: () => {
        throw new Error("no sockets here");
      },
    },
    drivers: options.drivers ?? [bridgeDriver, hostDriver, noneDriver],
    ...(options.lan ? { lan: options.lan } : {}),
  };
  const engine = await LocalEngine.open(parts);
  return { engine, kernel, namespaces, store, restart: () => fakeHost(options, { kernel, namespaces, store }) };
}

/** Acts on a host that is gone afterwards. */
export async function onHost(act: (host: FakeHost, filesDir: string) => Promise<void>, options: Partial<FakeOptions> = {}): Promise<void> {
  const filesDir = mkdtempSync(join(tmpdir(), "fairway-engine-"));
  const host = await fakeHost({ filesDir, ...options });
  try {
    await act(host, filesDir);
  } finally {
    await host.engine.close();
    rmSync(filesDir, { recursive: true, force: true });
  }
}

/** A host with eth0 on a LAN, and a driver that puts containers there. */
export const onLan = (lan: ReturnType<typeof fakeLan>, act: (host: FakeHost, filesDir: string) => Promise<void>): Promise<void> => {
  const addresses = ["10.0.0.11/24", "fd00::11/64"];
  const eth0: HostLink = { name: "eth0", index: 2, mac: "02:00:00:00:00:11", mtu: 1500, up: true, wireless: false, addresses };
  return onHost(act, { lan, links: [eth0], drivers: [bridgeDriver, hostDriver, macvlanDriver, noneDriver] });
};

/** A container's wants with nothing special in them. */
export function sandboxSpec(
  id: string,
  filesDir: string,
  given: Partial<SandboxSpec> & { on?: readonly (string | [string, EndpointSpec])[] } = {},
): SandboxSpec {
  const { on = ["bridge"], ...rest } = given;
  const containerId = id.repeat(64).slice(0, 64);
  return {
    containerId,
    containerName: `c-${id}`,
    network: { mode: "networks" },
    endpoints: on.map((entry) => (typeof entry === "string" ? { network: entry, spec: {} } : { network: entry[0], spec: entry[1] })),
    hostname: containerId.slice(0, 12),
    domainname: "",
    dns: { servers: [], search: [], options: [] },
    ...{ extraHosts: [], ports: {}, exposed: [], publishAll: false, links: [], sysctls: {} },
    filesDir: `${filesDir}/${id}`,
    ...rest,
  };
}

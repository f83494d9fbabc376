import { HOST, type Log, silentLog } from "#base";
import { bridgeDriver, type Driver, type HostFacts, hostDriver, ipvlanDriver, macvlanDriver, noneDriver } from "#drivers";
import {
  BatchedPorts,
  forgetUdp,
  HostObserver,
  KernelExecutor,
  KernelWatch,
  NftFirewall,
  noElements,
  openDnsSockets,
  PortReserver,
  SandboxNamespaces,
  tcpSocketIn,
  udpSocketIn,
} from "#fabric";
import type { Poller } from "#kernel/ffi";
import { clientIdOf, type Dhcp4Identity, type Dhcp4Lease, type Dhcp6Lease, hostnameOf, Lan } from "#lan";
import type { Store } from "#store";
import { LocalEngine } from "./engine.ts";
import { readHostResolver } from "./host-resolver.ts";
import type { DhcpDoor, DhcpIdentity, EngineConfig, HostPorts, LanDoor } from "./options.ts";

export interface OpenOptions {
  readonly config: EngineConfig;
  readonly store: Store;
  readonly log?: Log;
  /** Watches the kernel for changes by others, and repairs what was ours; without one, `repair()` does when it is called. */
  readonly poller?: Poller;
  /** Instead of those that come with Fairway. */
  readonly drivers?: readonly Driver[];
}

export const DRIVERS: readonly Driver[] = [bridgeDriver, hostDriver, macvlanDriver, ipvlanDriver, noneDriver];

/**
 * The engine on this machine's kernel: its networks are made in the network namespace the process is in.
 * @throws FairwayError when the firewall cannot be loaded, or the store's records cannot be made true
 */
export async function openEngine(options: OpenOptions): Promise<LocalEngine> {
  const { config, store, poller, log = silentLog } = options;
  const observer = new HostObserver();
  const firewall = new NftFirewall();
  const ports = poller && new BatchedPorts(poller);
  const guarded = config.defaults.firewall ? { firewall } : {};
  if (config.defaults.firewall) firewall.load();
  return LocalEngine.open({
    config,
    store,
    log,
    executor: new KernelExecutor(config.defaults.firewall ? firewall : noElements(firewall)),
    namespaces: new SandboxNamespaces(`${config.execRoot}/netns`),
    host: {
      facts: (defaults): HostFacts => ({ link: (name) => observer.link(name), links: () => observer.links(), defaults }),
      routes: forASecond(() => observer.routes()),
      nameservers: forASecond(hostNameservers),
      ephemeralPorts: () => observer.ephemeralPorts(),
      reservedPorts: () => observer.reservedPorts(),
      hasIpv6: () => observer.hasIpv6(),
    },
    ports: new HostPortKeeper({
      translated: config.defaults.firewall,
      onRival: ({ proto, address, from, to, port, program = "a program" }) =>
        log.warn(`${program} listens on ${proto} port ${port}, which is published: what is sent there goes to the container`, {
          published: `${address} ${from}-${to}/${proto}`,
        }),
    }),
    lan: lanDoor(new Lan()),
    sockets: { dns: (ns, address) => openDnsSockets(ns, address, ports), udp: udpSocketIn, tcp: tcpSocketIn },
    drivers: options.drivers ?? DRIVERS,
    ...(poller ? { watch: (fabric, callbacks) => new KernelWatch({ fabric, poller, log, ...callbacks, ...guarded }) } : {}),
  });
}

/** The room's own leases and identities are richer than what the engine knows of them; it keeps and hands back what it was given. */
function lanDoor(lan: Lan): LanDoor & DhcpDoor {
  const identityOf = ({ client, hostname, ...where }: DhcpIdentity): Dhcp4Identity => {
    const clean = hostnameOf(hostname);
    return { ...where, clientId: clientIdOf(client), ...(clean === undefined ? {} : { hostname: clean }) };
  };
  return {
    probeAddress: (request) => lan.probeAddress(request),
    announceAddresses: (request) => lan.announceAddresses(request),
    watchConflicts: (request) => lan.watchConflicts(request),
    solicitRouter: (link) => lan.solicitRouter(link),
    acquireLease: (family, { previous, requested, ...identity }) => {
      const asked = { ...identityOf(identity), ...(requested ? { requested } : {}) };
      return family === 4
        ? lan.acquireDhcp4({ ...asked, ...(previous ? { previous: previous as Dhcp4Lease } : {}) })
        : lan.acquireDhcp6({ ...asked, ...(previous ? { previous: previous as Dhcp6Lease } : {}) });
    },
    keepLease: (family, identity, lease, callbacks) =>
      family === 4
        ? lan.keepDhcp4(identityOf(identity), lease as Dhcp4Lease, callbacks)
        : lan.keepDhcp6(identityOf(identity), lease as Dhcp6Lease, callbacks),
    giveLeaseBack: async (family, identity, lease, why) => {
      const who = identityOf(identity);
      if (family === 6) return await (why === "release" ? lan.releaseDhcp6 : lan.declineDhcp6).call(lan, who, lease as Dhcp6Lease);
      return (why === "release" ? lan.releaseDhcp4 : lan.declineDhcp4).call(lan, who, lease as Dhcp4Lease);
    },
  };
}

class HostPortKeeper extends PortReserver {
  flushUdp(...mappings: Parameters<HostPorts["flushUdp"]>): void {
    forgetUdp(...mappings);
  }
}

/** One list for a second, and the same one when nothing changed: choosing subnets for many networks in a row reads the host once. */
function forASecond(read: () => readonly string[]): () => readonly string[] {
  let list: readonly string[] = [];
  let until = 0;
  return () => {
    if (performance.now() < until) return list;
    until = performance.now() + 1000;
    const now = read();
    if (now.length !== list.length || now.some((each, index) => each !== list[index])) list = now;
    return list;
  };
}

/** The host's own name servers, those behind systemd-resolved's stub; without a zone, which only link-local ones have. */
function hostNameservers(): readonly string[] {
  try {
    return readHostResolver(true).host.nameservers.map((address) => address.replace(/%.*/, ""));
  } catch {
    return [];
  }
}

/** What dockerd has when no flag says otherwise. */
export const DEFAULTS: HostFacts["defaults"] = {
  ...{ mtu: 0, icc: true, ipMasq: true, ipForward: true, firewall: true },
  ...{ hostBinding: "0.0.0.0", allowDirectRouting: false },
};

/** A configuration with Docker's defaults, for a program that embeds the engine. */
export function engineConfig(given: Pick<EngineConfig, "dataRoot" | "execRoot"> & Partial<EngineConfig>): EngineConfig {
  return {
    daemonId: HOST,
    bridge: { name: "docker0", foreign: false, ipv6: false },
    defaults: DEFAULTS,
    addressPools: [],
    networkOptions: {},
    dns: { servers: [], search: [], options: [] },
    hostGatewayIps: [],
    ...given,
  };
}

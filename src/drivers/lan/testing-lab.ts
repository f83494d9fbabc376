/**
 * For live tests: this process, isolated, is host `h1` with eth0 on a switch; `h2` is a second host on it, with macvlan children of its own where a
 * test wants them. Containers of h1 are made by a driver and the fabric, as the engine would.
 */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { Fabric, type Firewall, HostObserver, KernelExecutor, SandboxNamespaces } from "#fabric";
import { createNamespace } from "#kernel/netns";
import { type End, pingMatrix } from "#lab";
import type { Driver, EndpointModel, HostFacts, NetworkModel } from "../driver.ts";
import { fakeHost, lanEndpoint, POOL, POOL6 } from "./testing.ts";

export const sh = (command: string): string => execFileSync("sh", ["-ec", command], { encoding: "utf8" });
const shLater = promisify(execFile);
const NS = "/run/netns";

/** Stands in for a firewall that is not asked: the hosts of this lab run without one. */
const noFirewall: Firewall = {
  elements: (operations) => ({ done: operations }),
  read: () => [],
  table() {},
  hasTable: () => true,
} as Firewall;

export class LanLab implements Disposable {
  readonly fabric = new Fabric(new KernelExecutor(noFirewall));
  readonly #observer = new HostObserver();
  readonly #namespaces = new SandboxNamespaces(NS);

  constructor() {
    for (const name of ["sw", "h2"]) createNamespace(`${NS}/${name}`);
    sh(`ip -n sw link add sw0 type bridge mcast_snooping 0; ip -n sw link set sw0 up
      sysctl -qw net.ipv6.conf.default.accept_dad=0
      ip link add eth0 type veth peer name h1 netns sw; ip -n h2 link add eth0 type veth peer name h2 netns sw
      for port in h1 h2; do ip -n sw link set $port master sw0 up; done
      ip addr add 192.168.56.11/24 dev eth0; ip addr add fd56::11/64 dev eth0 nodad; ip link set eth0 up; ip link set lo up
      ip -n h2 addr add 192.168.56.12/24 dev eth0; ip -n h2 addr add fd56::12/64 dev eth0 nodad; ip -n h2 link set eth0 up`);
  }

  facts(): HostFacts {
    const defaults = { ...fakeHost().defaults, firewall: false };
    return { link: (name) => this.#observer.link(name), links: () => this.#observer.links(), defaults };
  }

  network(driver: Driver, model: NetworkModel): void {
    this.fabric.converge(new Map([[`network/${model.id}`, driver.network(model, this.facts())]]));
  }

  /** Makes a namespace and puts an endpoint in it; the id is the name, repeated. */
  container(driver: Driver, model: NetworkModel, name: string, extra: Partial<EndpointModel>): void {
    const sandbox = `${NS}/${name}`;
    if (!this.#namespaces.exists(sandbox)) this.#namespaces.create(sandbox);
    const point = lanEndpoint({ id: name.padEnd(64, "0"), sandbox, ...extra });
    this.fabric.converge(new Map([[`endpoint/${name}`, driver.endpoint(model, point, this.facts())]]));
  }

  /** A container of the other host, made by hand. @param type as `ip link` has it, `macvlan mode bridge` */
  remote(name: string, type: string, ...addresses: string[]): void {
    createNamespace(`${NS}/${name}`);
    // Linux 6.1 refuses a name in another namespace that is taken in the parent's.
    sh(
      `ip -n h2 link add new0 netns ${name} link eth0 type ${type}; ip -n ${name} link set new0 name eth0; ip -n ${name} link set eth0 up`,
    );
    for (const address of addresses) sh(`ip -n ${name} addr add ${address} dev eth0 ${address.includes(":") ? "nodad" : ""}`);
  }

  remove(...names: string[]): void {
    for (const name of names) {
      this.fabric.release([`endpoint/${name}`]);
      this.#namespaces.remove(`${NS}/${name}`);
    }
  }

  /** As a pinging end; `h1` is this process. */
  end(name: string, address: string): End {
    const inside = name === "h1" ? [] : ["ip", "netns", "exec", name];
    const run = async (script: string) => {
      const [program, ...args] = [...inside, "sh", "-c", script];
      return (await shLater(program!, args)).stdout;
    };
    return { name, address, run };
  }

  [Symbol.dispose](): void {
    this.fabric.release([...this.fabric.scopes()]);
    for (const path of this.#namespaces.list()) this.#namespaces.remove(path);
    this.#observer[Symbol.dispose]();
    sh("ip link del eth0 2>/dev/null || true");
  }
}

export const dual = { ipv6: true, pools: [POOL, POOL6] } as const;
export const FAMILIES = [4, 6] as const;
const HOSTS = { h1: 11, h2: 12, a1: 31, a2: 32, b1: 41, b2: 42 } as const;

/** Pings all against all of one family. */
export const matrixOf = (
  lab: LanLab,
  family: 4 | 6,
  expected: string,
  only: readonly (keyof typeof HOSTS)[] = Object.keys(HOSTS) as never,
) =>
  pingMatrix(
    only.map((name) => lab.end(name, family === 4 ? `192.168.56.${HOSTS[name]}` : `fd56::${HOSTS[name]}`)),
    { count: 1, expected },
  );

/** E09, E10 and E13: h1 with containers a1 and a2, h2 with b1 and b2, all on one LAN. */
export const BLOCKED = `
      h1 h2 a1 a2 b1 b2
   h1 -  ok X  X  ok ok
   h2 ok -  ok ok X  X
   a1 X  ok -  ok ok ok
   a2 X  ok ok -  ok ok
   b1 ok X  ok ok -  ok
   b2 ok X  ok ok ok -`;
/** The same with `fairway.host_access` on h1. */
export const OPEN = BLOCKED.replace("h1 -  ok X  X ", "h1 -  ok ok ok").replace("a1 X ", "a1 ok").replace("a2 X ", "a2 ok");

/** Whether this kernel can make a kind of link. */
export function kernelHas(kind: "ipvlan" | "vlan" | "dummy"): boolean {
  const parent = kind === "dummy" ? "" : "link lo";
  const answer = sh(`ip link add ${parent} name try0 type ${kind} ${kind === "vlan" ? "id 9" : ""} 2>&1 && ip link del try0 || true`);
  return !/Unknown device type/.test(answer);
}

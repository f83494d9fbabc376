/**
 * For live tests: this process, isolated, is host `h1` with eth0 on a switch; `h2` is a second host on it, with macvlan children of its own where a
 * test wants them. Containers of h1 are made by a driver and the fabric, as the engine would.
 */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { Fabric, type Firewall, HostObserver, KernelExecutor, SandboxNamespaces } from "#fabric";
import type { End } from "#lab";
import type { Driver, EndpointModel, HostFacts, NetworkModel } from "../driver.ts";
import { fakeHost, lanEndpoint } from "./testing.ts";

export const sh = (command: string): string => execFileSync("sh", ["-ec", command], { encoding: "utf8" });
const shLater = promisify(execFile);
const NS = "/run/netns";

/** Stands in for a firewall that is not asked: the hosts of this lab run without one. */
const noFirewall: Firewall = {
  elements: (operations) => ({ done: operations }),
  read: () => [],
  table() {},
} as Firewall;

export class LanLab implements Disposable {
  readonly fabric = new Fabric(new KernelExecutor(noFirewall));
  readonly #observer = new HostObserver();
  readonly #namespaces = new SandboxNamespaces(NS);

  constructor() {
    for (const name of ["sw", "h2"]) this.#namespaces.create(`${NS}/${name}`);
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

  /** A macvlan container of the other host, made by hand. */
  remote(name: string, mode: string, ...addresses: string[]): void {
    this.#namespaces.create(`${NS}/${name}`);
    sh(`ip -n h2 link add eth0 netns ${name} link eth0 type macvlan mode ${mode}; ip -n ${name} link set eth0 up`);
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

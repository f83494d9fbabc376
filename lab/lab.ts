import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { Box } from "./box.ts";
import { LabCgroups } from "./cgroups.ts";
import { onExit } from "./exit.ts";
import { Host } from "./host.ts";
import { claim, LAB_PREFIX, sweepAbandonedLabs } from "./sweep.ts";
import type { PortPolicy } from "./vm/forwarding.ts";

export interface NicOptions {
  readonly switch: string;
  /** With prefix length, `192.168.56.11/24`. */
  readonly address?: string;
}

export interface AddHostOptions {
  /** `eth0`, `eth1`… in this order. */
  readonly nics: readonly NicOptions[];
  readonly gateway?: string;
  /** Forward between its interfaces. */
  readonly router?: boolean;
  readonly nameservers?: readonly string[];
}

export interface LabOptions {
  /** Hosts on the switch `lan`, with 192.168.56.11/24, .12/24… and the default gateway 192.168.56.1. */
  readonly hosts?: readonly string[];
  /** A client beyond: host `outside` at 192.168.56.1, the others' default gateway, with no route back to what is inside them. */
  readonly outside?: boolean;
}

/**
 * A laboratory of Linux hosts made of namespaces, joined by switches. Nothing of it touches the machine's own network, and all of it goes away when it
 * is disposed of, or when this process ends in whatever way.
 */
export class Lab {
  readonly directory: string;
  readonly #hosts = new Map<string, Host>();
  readonly #switches = new Map<string, Box>();
  readonly #cgroups: LabCgroups;
  readonly #forgetExit: () => void;
  #disposed = false;

  private constructor() {
    this.directory = mkdtempSync(`${tmpdir()}/${LAB_PREFIX}`);
    claim(this.directory);
    this.#cgroups = new LabCgroups(basename(this.directory));
    this.#forgetExit = onExit(() => this.dispose());
  }

  /** @throws CommandError when the machine lacks what a lab needs (root, veth, bridge) */
  static async create(options: LabOptions = {}): Promise<Lab> {
    sweepAbandonedLabs();
    const lab = new Lab();
    try {
      await lab.addSwitch("lan");
      const nameservers = options.outside ? ["192.168.56.1"] : [];
      if (options.outside) await lab.addHost("outside", { nics: [{ switch: "lan", address: "192.168.56.1/24" }] });
      for (const [index, name] of (options.hosts ?? []).entries()) {
        const nics = [{ switch: "lan", address: `192.168.56.${11 + index}/24` }];
        await lab.addHost(name, { nics, nameservers, ...(options.outside ? { gateway: "192.168.56.1" } : {}) });
      }
      return lab;
    } catch (error) {
      lab.dispose();
      throw error;
    }
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`The lab has no host "${name}", only ${[...this.#hosts.keys()].join(", ")}`);
    return host;
  }
  get outside(): Host {
    return this.host("outside");
  }

  /** A learning switch: a bridge in a namespace of its own. */
  async addSwitch(name: string): Promise<void> {
    const setup = "ip link add name sw0 type bridge stp_state 0 mcast_snooping 0; ip link set sw0 up";
    this.#switches.set(name, await Box.start({ name: `switch-${name}`, setup }));
  }

  async addHost(name: string, options: AddHostOptions): Promise<Host> {
    const directory = `${this.directory}/${name}`;
    const host = await Host.start({ name, directory, cgroups: this.#cgroups, nameservers: options.nameservers ?? [] });
    this.#hosts.set(name, host);
    const commands: string[] = [];
    for (const [index, nic] of options.nics.entries()) {
      await this.#plug(host, `eth${index}`, nic);
      if (nic.address) commands.push(`ip addr add ${nic.address} brd + dev eth${index}`);
      commands.push(`ip link set eth${index} up`);
    }
    if (options.gateway) commands.push(`ip route add default via ${options.gateway}`);
    if (options.router) commands.push("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
    if (commands.length > 0) await host.sh(["sh", "-ec", commands.join("\n")]);
    return host;
  }

  /** Gives a running host a further interface, `eth<index>`, as plugging in an adapter does: it is up. */
  async addNic(hostName: string, nic: NicOptions, index = 1): Promise<void> {
    const host = this.host(hostName);
    await this.#plug(host, `eth${index}`, nic);
    if (nic.address) await host.sh(`ip addr add ${nic.address} brd + dev eth${index}`);
    await host.sh(`ip link set eth${index} up`);
  }

  async #plug(host: Host, nic: string, { switch: name }: NicOptions): Promise<void> {
    const box = this.#switches.get(name);
    if (!box) throw new Error(`The lab has no switch "${name}": add it first`);
    const port = `${host.name.slice(0, 10)}-${nic.slice(3)}`;
    const link = `ip link add name ${port} type veth peer name ${nic} netns ${host.pid}`;
    await box.shNetworkOnly(`${link}; ip link set ${port} master sw0 up`);
  }

  /** Cuts a host's interface from its switch, or plugs it in again: carrier is lost and comes back. */
  async setCable(hostName: string, plugged: boolean, options: { switch?: string; nic?: number } = {}): Promise<void> {
    const box = this.#switches.get(options.switch ?? "lan");
    if (!box) throw new Error(`The lab has no switch "${options.switch}"`);
    await box.sh(`ip link set ${hostName.slice(0, 10)}-${options.nic ?? 0} ${plugged ? "up" : "down"}`);
  }

  /** What the switch does with frames from and to a host's interface; what is absent is as at a plain port. */
  async setPort(
    hostName: string,
    policy: Pick<PortPolicy, "reflectiveRelay" | "lockedMac"> = {},
    options: { switch?: string; nic?: number } = {},
  ): Promise<void> {
    const box = this.#switches.get(options.switch ?? "lan");
    if (!box) throw new Error(`The lab has no switch "${options.switch}"`);
    const port = `${hostName.slice(0, 10)}-${options.nic ?? 0}`;
    const { reflectiveRelay = false, lockedMac } = policy;
    const flags = `hairpin ${reflectiveRelay ? "on" : "off"} learning ${lockedMac ? "off" : "on"} locked ${lockedMac ? "on" : "off"}`;
    const commands = [
      // A flush leaves static entries.
      `bridge fdb show dev ${port} | awk '/master.*static/ { print $1 }' | while read -r mac; do bridge fdb del "$mac" dev ${port} master; done`,
      `ip link set sw0 type bridge fdb_flush; bridge link set dev ${port} ${flags}`,
      ...(lockedMac ? [`bridge fdb replace ${lockedMac} dev ${port} master static`] : []),
    ];
    await box.sh(["sh", "-ec", commands.join("\n")]);
  }

  /** Kills everything in it and waits until it is gone. Synchronous, so that it can run while this process exits. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#forgetExit();
    for (const box of [...this.#hosts.values(), ...this.#switches.values()]) box.destroy();
    for (let tries = 0; !this.#cgroups.remove() && tries < 200; tries++) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    rmSync(this.directory, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose();
  }
}

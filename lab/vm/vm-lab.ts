import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { onExit } from "../exit.ts";
import { runCommand } from "../process.ts";
import { claim, LAB_PREFIX, sweepAbandonedLabs } from "../sweep.ts";
import { EthernetSwitch } from "./ethernet-switch.ts";
import { Machine } from "./machine.ts";

export interface VmLabOptions {
  readonly machines: readonly string[];
  /** Network interfaces of each machine: `eth0`… on the switch. 1 unless given. */
  readonly nics?: number;
  /** Memory of each, in MB. 512 unless given; a daemon with containers wants 768. */
  readonly megabytes?: number;
  /** Size of each one's disk, in MB, which is `/data`. In memory unless given. */
  readonly diskMegabytes?: number;
  /** Write every frame to `l2.pcap` in the lab's directory. */
  readonly capture?: boolean;
}

const CACHE = process.env.FAIRWAY_VMLAB_CACHE ?? `${import.meta.dirname}/../../.cache/vmlab`;

/** Port of a machine's interface on the switch. */
export const portName = (machine: string, nic = 0) => `${machine}-eth${nic}`;

/** Virtual machines with Debian's kernel on one switch that the test controls: for 802.1q, ipvlan, ESP and what else a container's kernel lacks. */
export class VmLab {
  readonly directory: string;
  readonly switch: EthernetSwitch;
  readonly #machines: readonly Machine[];
  readonly #forgetExit: () => void;

  private constructor(directory: string, ethernetSwitch: EthernetSwitch, machines: readonly Machine[]) {
    this.directory = directory;
    this.switch = ethernetSwitch;
    this.#machines = machines;
    this.#forgetExit = onExit(() => this.#stop());
  }

  /** Why this machine cannot run virtual ones, or undefined when it can. */
  static missing(): string | undefined {
    const qemu = ["/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64"].some((path) => existsSync(path));
    if (!qemu) return "qemu-system-x86_64 is not installed (package qemu-system-x86; `sh scripts/setup.sh vm`)";
    return process.arch === "x64" ? undefined : `the machines are x86-64, and this is ${process.arch}`;
  }

  /** Boots the machines side by side: about 4 s of processor time each. The first time Debian's kernel is fetched (70 MB). */
  static async create(options: VmLabOptions): Promise<VmLab> {
    sweepAbandonedLabs();
    mkdirSync(CACHE, { recursive: true });
    const { stdout } = await runCommand(["sh", `${import.meta.dirname}/prepare-kernel.sh`, CACHE], { timeout: 300_000 });
    const kernelDirectory = stdout.trim().split("\n").at(-1) ?? "";
    const directory = mkdtempSync(`${tmpdir()}/${LAB_PREFIX}`);
    claim(directory);
    const ethernetSwitch = new EthernetSwitch(directory, options.capture ? `${directory}/l2.pcap` : undefined);
    const booting = options.machines.map(async (name, index) => {
      const nics = Array.from({ length: options.nics ?? 1 }, (_, nic) => nic);
      const cables = await Promise.all(
        nics.map(async (nic) => ({
          path: await ethernetSwitch.addPort(portName(name, nic)),
          mac: `52:54:00:0${nic}:00:${hex(index + 1)}`,
        })),
      );
      const machineDirectory = `${directory}/${name}`;
      const disk = options.diskMegabytes === undefined ? {} : { disk: await makeDisk(machineDirectory, options.diskMegabytes) };
      return Machine.boot({ name, directory: machineDirectory, kernelDirectory, megabytes: options.megabytes ?? 512, cables, ...disk });
    });
    const booted = await Promise.allSettled(booting);
    const machines = booted.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const lab = new VmLab(directory, ethernetSwitch, machines);
    const failed = booted.find((each) => each.status === "rejected");
    if (!failed) return lab;
    await lab[Symbol.asyncDispose]();
    throw failed.reason;
  }

  machine(name: string): Machine {
    const machine = this.#machines.find((each) => each.name === name);
    if (!machine) throw new Error(`The lab has no machine "${name}", only ${this.#machines.map((each) => each.name).join(", ")}`);
    return machine;
  }

  #stop(): void {
    for (const machine of this.#machines) machine.stop();
    this.switch.close();
    // FAIRWAY_VMLAB_KEEP leaves consoles and capture to be read.
    if (!process.env.FAIRWAY_VMLAB_KEEP) rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forgetExit();
    this.#stop();
    await Promise.all(this.#machines.map((machine) => machine.stopped));
    if (!process.env.FAIRWAY_VMLAB_KEEP) rmSync(this.directory, { recursive: true, force: true });
  }
}

async function makeDisk(directory: string, megabytes: number): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const path = `${directory}/disk.img`;
  // mke2fs makes the file, with holes for what is not written yet.
  await runCommand(["mke2fs", "-q", "-t", "ext4", path, `${megabytes}M`]);
  return path;
}

const hex = (value: number) => value.toString(16).padStart(2, "0");

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createNamespace, listNamespaces, removeNamespace } from "#kernel/netns";

export const sh = (command: string): string => execFileSync("sh", ["-ec", command], { encoding: "utf8" });
const NS = "/run/netns";

/** Waits, also where the test moves the clock. A minute is for a machine that is very busy. */
export async function until(condition: () => boolean, what = () => "waited in vain"): Promise<void> {
  for (const end = performance.now() + 60_000; !condition(); ) {
    if (performance.now() > end) throw new Error(what());
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** For live tests in an isolated process: eth0 of this host on a bridge in `sw`, and stations on it. Everything goes with `dispose`. */
export class Segment implements Disposable {
  constructor() {
    createNamespace(`${NS}/sw`);
    sh(`ip link set lo up; sysctl -qw net.ipv6.conf.default.accept_dad=0
      ip -n sw link add sw0 type bridge mcast_snooping 0; ip -n sw link set sw0 up
      ip link add eth0 type veth peer name host netns sw; ip -n sw link set host master sw0 up
      ip addr add 192.168.56.11/24 dev eth0; ip addr add fd56::11/64 dev eth0 nodad; ip link set eth0 up`);
  }

  /** A station with eth0 on the segment. @returns its MAC */
  station(name: string, ...addresses: string[]): string {
    createNamespace(`${NS}/${name}`);
    sh(`ip -n ${name} link set lo up; ip -n ${name} link add eth0 type veth peer name ${name} netns sw
      ip -n sw link set ${name} master sw0 up; ip -n ${name} link set eth0 up`);
    for (const address of addresses) sh(`ip -n ${name} addr add ${address} dev eth0 ${address.includes(":") ? "nodad" : ""}`);
    return sh(`ip netns exec ${name} cat /sys/class/net/eth0/address`).trim();
  }

  /** A macvlan container on eth0. @returns the path of its namespace */
  container(name: string, mac: string, ...addresses: string[]): string {
    createNamespace(`${NS}/${name}`);
    sh(
      `ip -n ${name} link set lo up; ip link add new0 netns ${name} link eth0 address ${mac} type macvlan mode bridge; ip -n ${name} link set new0 name eth0; ip -n ${name} link set eth0 up`,
    );
    for (const address of addresses) sh(`ip -n ${name} addr add ${address} dev eth0 ${address.includes(":") ? "nodad" : ""}`);
    return `${NS}/${name}`;
  }

  [Symbol.dispose](): void {
    for (const { path } of listNamespaces(NS)) removeNamespace(path);
    sh("ip link del eth0 2>/dev/null || true");
  }
}

/** Runs a program in a station's namespace until disposed of. */
export function background(namespace: string, argv: readonly string[]): { output(): string; stop(): Promise<void> } & Disposable {
  const child = spawn("ip", ["netns", "exec", namespace, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return {
    output: () => output,
    [Symbol.dispose]: kill,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

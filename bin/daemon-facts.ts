import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { arch, cpus, hostname, release, totalmem } from "node:os";
import { newId } from "#base";
import type { DaemonConfig, DaemonInfo } from "#server";

const VERSION = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64", arm: "armv7l", ia32: "i686" };

/** The daemon's lasting identity, made at the first start. */
export function daemonId(dataRoot: string): string {
  const path = `${dataRoot}/engine-id`;
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const id = newId();
  mkdirSync(dataRoot, { recursive: true, mode: 0o711 });
  writeFileSync(path, `${id}\n`, { mode: 0o600 });
  return id;
}

function osRelease(): Map<string, string> {
  const text = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return new Map([...text.matchAll(/^(\w+)="?(.*?)"?$/gm)].map(([, key = "", value = ""]) => [key, value]));
}

function firstLine(command: string): string {
  try {
    return execFileSync(command, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0] ?? "";
  } catch {
    return "";
  }
}

/** Superblock magic numbers (linux/magic.h), by the names dockerd has for them. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: "extfs",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  801189825: "zfs",
  2035054128: "overlayfs",
};

const fileSystemOf = (path: string): string => FILE_SYSTEMS[statfsSync(path).type] ?? "<unknown>";

const versionIn = (text: string): string => /\d+\.\d+[\w.+~-]*/.exec(text)?.[0] ?? "unknown";

export interface FactSource {
  readonly config: DaemonConfig;
  /** The configuration as it was last reloaded. */
  current(): DaemonConfig;
  readonly id: string;
  readonly runtime: string;
  readonly drivers: readonly string[];
  warnings(): readonly string[];
}

/** What `docker info` and `docker version` show. What cannot change while we run is read once. */
export function daemonInfo({ config, current, id, runtime, drivers, warnings }: FactSource): () => DaemonInfo {
  const os = osRelease();
  const name = runtime.slice(runtime.lastIndexOf("/") + 1);
  const programs = () => [
    { name: "conmon", version: versionIn(firstLine("conmon")) },
    { name, version: versionIn(firstLine(runtime)) },
  ];
  let components: DaemonInfo["components"] | undefined;
  const fixed = {
    ...{
      version: VERSION,
      gitCommit: "",
      buildTime: "",
      id,
      kernelVersion: release(),
      storageDriver: "overlay2",
      rootDir: config.dataRoot,
    },
    operatingSystem: os.get("PRETTY_NAME") ?? "Linux",
    osVersion: os.get("VERSION_ID") ?? "",
    architecture: ARCHITECTURES[arch()] ?? arch(),
    cpus: cpus().length,
    memory: totalmem(),
    cgroupDriver: "cgroupfs" as const,
    cgroupVersion: existsSync("/sys/fs/cgroup/cgroup.controllers") ? ("2" as const) : ("1" as const),
    runtimes: { [name]: runtime },
    defaultRuntime: name,
    storageStatus: [["Backing Filesystem", fileSystemOf(config.dataRoot)]] as [string, string][],
    networkDrivers: drivers,
    logDrivers: ["json-file", "local", "none"],
    loggingDriver: config.containers.logDriver || "json-file",
    securityOptions: ["name=seccomp,profile=builtin"],
    firewall: { driver: config.network.firewall ? "nftables" : "none", info: [] },
    ...{ addressPools: config.network.addressPools, experimental: config.experimental },
  };
  return () => ({
    ...fixed,
    get components() {
      components ??= programs();
      return components;
    },
    name: hostname(),
    labels: current().labels,
    // Asked for by every request, shown by few: what takes time is read when it is looked at.
    get warnings() {
      return warnings();
    },
    insecureRegistries: current().registry.insecure,
    registryMirrors: current().registry.mirrors,
    get ipForwarding() {
      return readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim() === "1";
    },
    debug: current().debug,
    liveRestore: current().containers.liveRestore,
  });
}

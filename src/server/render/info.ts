import { API_VERSION, atLeast, MIN_API_VERSION, type OpenJson, type VersionJson } from "#api";
import type { DaemonInfo } from "../types.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64", armv7l: "arm" };

export const goArchitecture = (machine: string): string => ARCHITECTURES[machine] ?? machine;

/** `GET /version`: the first component repeats the top level, as Docker's does. */
export function versionJson(info: DaemonInfo): VersionJson {
  const arch = goArchitecture(info.architecture);
  const buildTime = info.buildTime;
  return {
    Platform: { Name: "Fairway" },
    Components: [
      {
        Name: "Engine",
        Version: info.version,
        Details: {
          ApiVersion: API_VERSION,
          Arch: arch,
          BuildTime: buildTime,
          Experimental: String(info.experimental),
          GitCommit: info.gitCommit,
          GoVersion: `node${process.versions.node}`,
          KernelVersion: info.kernelVersion,
          MinAPIVersion: MIN_API_VERSION,
          Os: "linux",
        },
      },
      ...info.components.map(({ name, version, details }) => ({ Name: name, Version: version, Details: details ?? {} })),
    ],
    Version: info.version,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: info.gitCommit,
    GoVersion: `node${process.versions.node}`,
    Os: "linux",
    Arch: arch,
    KernelVersion: info.kernelVersion,
    ...(info.experimental ? { Experimental: true } : {}),
    BuildTime: buildTime,
  };
}

export interface InfoCounts {
  readonly containers: { readonly total: number; readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly eventListeners: number;
  readonly openFiles: number;
  /** Go's time format. */
  readonly systemTime: string;
}

/** `GET /info`: every field `docker info` and Docker's clients look at, in dockerd's order. */
export function infoJson(info: DaemonInfo, counts: InfoCounts, version: string): OpenJson {
  // API 1.49 dropped the versions that were expected, 1.50 the bridge netfilter flags.
  const commit = atLeast(version, "1.49") ? { ID: "" } : { ID: "", Expected: "" };
  return {
    ID: info.id,
    Containers: counts.containers.total,
    ContainersRunning: counts.containers.running,
    ContainersPaused: counts.containers.paused,
    ContainersStopped: counts.containers.stopped,
    Images: counts.images,
    Driver: info.storageDriver,
    DriverStatus: info.storageStatus,
    Plugins: { Volume: ["local"], Network: info.networkDrivers, Authorization: null, Log: info.logDrivers },
    MemoryLimit: true,
    SwapLimit: true,
    ...(atLeast(version, "1.42") ? {} : { KernelMemory: true, KernelMemoryTCP: true }),
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: info.ipForwarding,
    ...(atLeast(version, "1.50") ? {} : { BridgeNfIptables: true, BridgeNfIp6tables: true }),
    Debug: info.debug,
    NFd: counts.openFiles,
    OomKillDisable: info.cgroupVersion === "1",
    NGoroutines: 1,
    SystemTime: counts.systemTime,
    LoggingDriver: info.loggingDriver,
    CgroupDriver: info.cgroupDriver,
    CgroupVersion: info.cgroupVersion,
    NEventsListener: counts.eventListeners,
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: info.osVersion,
    OSType: "linux",
    Architecture: info.architecture,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryConfig(info, version),
    NCPU: info.cpus,
    MemTotal: info.memory,
    GenericResources: null,
    DockerRootDir: info.rootDir,
    HttpProxy: info.httpProxy ?? "",
    HttpsProxy: info.httpsProxy ?? "",
    NoProxy: info.noProxy ?? "",
    Name: info.name,
    Labels: info.labels,
    ExperimentalBuild: info.experimental,
    ServerVersion: info.version,
    Runtimes: Object.fromEntries(Object.entries(info.runtimes).map(([name, path]) => [name, { path }])),
    DefaultRuntime: info.defaultRuntime,
    Swarm: { NodeID: "", NodeAddr: "", LocalNodeState: "inactive", ControlAvailable: false, Error: "", RemoteManagers: null },
    LiveRestoreEnabled: info.liveRestore,
    Isolation: "",
    InitBinary: "",
    ContainerdCommit: commit,
    RuncCommit: commit,
    InitCommit: commit,
    SecurityOptions: info.securityOptions,
    ...(info.addressPools?.length ? { DefaultAddressPools: info.addressPools.map(({ base, size }) => ({ Base: base, Size: size })) } : {}),
    ...(info.firewall ? { FirewallBackend: { Driver: info.firewall.driver, Info: info.firewall.info } } : {}),
    CDISpecDirs: [],
    Warnings: info.warnings.length > 0 ? info.warnings : null,
  };
}

/** Loopback registries are insecure without being asked for, as in Docker. */
function registryConfig(info: DaemonInfo, version: string): OpenJson {
  const cidrs = info.insecureRegistries.filter((entry) => entry.includes("/"));
  const hosts = info.insecureRegistries.filter((entry) => !entry.includes("/"));
  const index = (name: string, secure: boolean, official: boolean) => ({
    Name: name,
    Mirrors: official ? info.registryMirrors : [],
    Secure: secure,
    Official: official,
  });
  return {
    ...(atLeast(version, "1.49") ? {} : { AllowNondistributableArtifactsCIDRs: [], AllowNondistributableArtifactsHostnames: [] }),
    InsecureRegistryCIDRs: [...new Set(["::1/128", "127.0.0.0/8", ...cidrs])],
    IndexConfigs: Object.fromEntries([
      ["docker.io", index("docker.io", true, true)],
      ...hosts.map((host) => [host, index(host, false, false)] as const),
    ]),
    Mirrors: info.registryMirrors,
  };
}

import type { ContainerDefaults } from "./context.ts";
import { keptBindings } from "./port-records.ts";
import type { HostConfig } from "./types.ts";

export const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
];

export const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export const DEFAULT_SHM_SIZE = 67108864;

/** HostConfig as dockerd shows it for a create that asked for nothing, in its order of fields. */
const DEFAULTS: HostConfig = {
  Binds: null,
  ContainerIDFile: "",
  LogConfig: { Type: "json-file", Config: {} },
  NetworkMode: "default",
  PortBindings: null,
  RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "host",
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "private",
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: DEFAULT_SHM_SIZE,
  Runtime: "runc",
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

/** The daemon's driver where none was named; its options hold for that driver alone. */
function logConfig(given: HostConfig["LogConfig"], host: ContainerDefaults): NonNullable<HostConfig["LogConfig"]> {
  const usual = host.logDriver || "json-file";
  const Type = given?.Type || usual;
  return { Type, Config: { ...(Type === usual ? host.logOptions : {}), ...given?.Config } };
}

const EMPTY_MEANS_DEFAULT = ["NetworkMode", "IpcMode", "CgroupnsMode", "Runtime", "ShmSize"] as const;

/** A create's HostConfig with everything it left open filled in. */
export function fillHostConfig(given: HostConfig, host: { cgroupV2: boolean; runtime: string } & ContainerDefaults): HostConfig {
  const filled: HostConfig = {
    ...DEFAULTS,
    CgroupnsMode: host.cgroupnsMode ?? (host.cgroupV2 ? "private" : "host"),
    Runtime: host.runtime,
  };
  if (host.ipcMode) filled.IpcMode = host.ipcMode;
  if (host.shmSize) filled.ShmSize = host.shmSize;
  for (const [field, value] of Object.entries(given)) {
    const emptied = (EMPTY_MEANS_DEFAULT as readonly string[]).includes(field) && !value;
    if (value !== undefined && !emptied) filled[field] = value;
  }
  const ulimits = new Map([...(host.ulimits ?? []), ...(given.Ulimits ?? [])].map((limit) => [limit.Name, limit]));
  if (ulimits.size > 0) filled.Ulimits = [...ulimits.values()];
  filled.PortBindings = keptBindings(given.PortBindings);
  filled.LogConfig = logConfig(given.LogConfig, host);
  filled.RestartPolicy = {
    Name: given.RestartPolicy?.Name || "no",
    MaximumRetryCount: given.RestartPolicy?.MaximumRetryCount ?? 0,
  };
  // Clients say "not set" in these ways too.
  if (filled.MemorySwappiness === -1) filled.MemorySwappiness = null;
  if ((filled.PidsLimit ?? 0) <= 0) filled.PidsLimit = null;
  // Memory without a swap limit: as much swap again, Docker's rule.
  if (filled.Memory && filled.MemorySwap === 0) filled.MemorySwap = filled.Memory * 2;
  filled.MaskedPaths = given.MaskedPaths ?? (filled.Privileged ? null : MASKED_PATHS);
  filled.ReadonlyPaths = given.ReadonlyPaths ?? (filled.Privileged ? null : READONLY_PATHS);
  return filled;
}

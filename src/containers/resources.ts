import { type DeviceRule, deviceNumbers } from "./devices.ts";
import type { DeviceRate, HostConfig } from "./types.ts";

const CFS_PERIOD = 100_000;

/** `linux.resources` of the OCI spec; the runtime writes them as cgroup v1 or v2 files. */
export function ociResources(hostConfig: HostConfig, deviceRules: readonly DeviceRule[]): Record<string, unknown> {
  const { Memory: memory = 0, MemorySwap: swap = 0, MemoryReservation: reservation = 0, NanoCpus: nano = 0 } = hostConfig;
  const quota = nano > 0 ? Math.round((nano * CFS_PERIOD) / 1e9) : (hostConfig.CpuQuota ?? 0);
  const period = nano > 0 ? CFS_PERIOD : (hostConfig.CpuPeriod ?? 0);
  const pids = hostConfig.PidsLimit ?? 0;
  const swappiness = hostConfig.MemorySwappiness as number | null | undefined;
  return {
    devices: deviceRules,
    memory: {
      ...(memory > 0 ? { limit: memory } : {}),
      ...(swap !== 0 && memory > 0 ? { swap } : {}),
      ...(reservation > 0 ? { reservation } : {}),
      ...(typeof swappiness === "number" && swappiness >= 0 ? { swappiness } : {}),
      ...(hostConfig.OomKillDisable ? { disableOOMKiller: true } : {}),
    },
    cpu: {
      ...(hostConfig.CpuShares ? { shares: hostConfig.CpuShares } : {}),
      ...(quota !== 0 ? { quota } : {}),
      ...(period !== 0 ? { period } : {}),
      ...(hostConfig.CpuRealtimePeriod ? { realtimePeriod: hostConfig.CpuRealtimePeriod } : {}),
      ...(hostConfig.CpuRealtimeRuntime ? { realtimeRuntime: hostConfig.CpuRealtimeRuntime } : {}),
      ...(hostConfig.CpusetCpus ? { cpus: hostConfig.CpusetCpus } : {}),
      ...(hostConfig.CpusetMems ? { mems: hostConfig.CpusetMems } : {}),
    },
    ...blockResources(hostConfig),
    ...(pids > 0 ? { pids: { limit: pids } } : {}),
  };
}

const throttles = (rates: readonly DeviceRate[] | null | undefined) =>
  (rates ?? []).map(({ Path, Rate }) => ({ ...deviceNumbers(Path), rate: Rate }));

/** `--blkio-weight`, `--device-read-bps` and their like; nothing when none was asked for. */
function blockResources(hostConfig: HostConfig): { blockIO?: Record<string, unknown> } {
  const lists = {
    weightDevice: (hostConfig.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({ ...deviceNumbers(Path), weight: Weight })),
    throttleReadBpsDevice: throttles(hostConfig.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(hostConfig.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(hostConfig.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(hostConfig.BlkioDeviceWriteIOps),
  };
  const given = Object.entries(lists).filter(([, list]) => list.length > 0);
  const weight = hostConfig.BlkioWeight ?? 0;
  if (weight === 0 && given.length === 0) return {};
  return { blockIO: { ...(weight > 0 ? { weight } : {}), ...Object.fromEntries(given) } };
}

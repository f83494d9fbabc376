import { conflict, invalid } from "#base";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { containerDevices } from "./devices.ts";
import type { Registry } from "./registry.ts";
import { ociResources } from "./resources.ts";
import type { HostConfig } from "./types.ts";
import { refuseUnsupported } from "./unsupported.ts";
import { validateResources, validateRestartPolicy } from "./validate.ts";

const RESOURCES = [
  "BlkioWeight",
  "CpuShares",
  "CpuPeriod",
  "CpuQuota",
  "CpusetCpus",
  "CpusetMems",
  "Memory",
  "MemorySwap",
  "MemoryReservation",
  "NanoCpus",
  "PidsLimit",
] as const;

/** `docker update`: limits, at once when it runs, and the restart policy. A zero or empty field is left as it is. */
export async function applyUpdate(context: Context, registry: Registry, container: Container, change: Partial<HostConfig>): Promise<void> {
  const { record } = container;
  if (record.removing || record.phase === "dead")
    throw conflict(`Cannot update container ${container.id}: Container is marked for removal and cannot be "update".`);
  const hostConfig: HostConfig = { ...record.hostConfig };
  let limits = false;
  for (const field of RESOURCES) {
    const value = change[field];
    if (value === undefined || value === null || value === 0 || value === "") continue;
    Object.assign(hostConfig, { [field]: value });
    limits = true;
  }
  if (change.NanoCpus) Object.assign(hostConfig, { CpuPeriod: 0, CpuQuota: 0 });
  else if (change.CpuQuota || change.CpuPeriod) hostConfig.NanoCpus = 0;
  if (change.RestartPolicy?.Name) {
    if (record.hostConfig.AutoRemove && change.RestartPolicy.Name !== "no")
      throw invalid("Restart policy cannot be updated because AutoRemove is enabled for the container", { code: "auto-remove" });
    hostConfig.RestartPolicy = { Name: change.RestartPolicy.Name, MaximumRetryCount: change.RestartPolicy.MaximumRetryCount ?? 0 };
  }
  validateResources(hostConfig);
  refuseUnsupported(hostConfig);
  validateRestartPolicy(hostConfig);
  if (limits && container.up) {
    const { devices: _devices, ...resources } = ociResources(hostConfig, containerDevices(hostConfig).rules);
    await context.runtime.update(container.id, resources);
  }
  await registry.save(container, { hostConfig });
}

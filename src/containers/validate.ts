import { cpus } from "node:os";
import { invalid, isIp, isMac } from "#base";
import { type PortRange, parseHostPort, parsePort } from "#ports";
import { effectiveCapabilities } from "./caps.ts";
import { conflicting } from "./errors.ts";
import { validateLogConfig } from "./log-options.ts";
import { signalNumber } from "./signals.ts";
import type { ContainerConfig, ContainerCreateBody, HostConfig } from "./types.ts";
import { refuseUnsupported } from "./unsupported.ts";

const bad = (message: string, code = "bad-config") => invalid(message, { code });

/** `container:X` → X */
export const containerMode = (mode: string | undefined): string | undefined =>
  mode?.startsWith("container:") ? mode.slice("container:".length) : undefined;

/** What can be refused without knowing images, networks or other containers. @throws invalidParameter in Docker's words */
export function validateCreate(body: ContainerCreateBody): void {
  const hostConfig = body.HostConfig ?? {};
  validateConfig(body);
  validateModes(body, hostConfig);
  validatePorts(body, hostConfig);
  validateResources(hostConfig);
  validateRestartPolicy(hostConfig);
  validateLogConfig(hostConfig.LogConfig);
  refuseUnsupported(hostConfig);
  effectiveCapabilities({ add: hostConfig.CapAdd ?? null, drop: hostConfig.CapDrop ?? null });
}

function validateConfig(config: ContainerConfig): void {
  if (config.WorkingDir && !config.WorkingDir.startsWith("/"))
    throw bad(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  if (config.StopSignal) signalNumber(config.StopSignal);
  for (const entry of config.Env ?? []) if (entry === "" || entry.startsWith("=")) throw bad(`invalid environment variable: ${entry}`);
  if (config.MacAddress && !isMac(config.MacAddress)) throw bad(`${config.MacAddress} is not a valid mac address`);
  const check = config.Healthcheck;
  if (check) {
    for (const [name, value] of [
      ["Interval", check.Interval],
      ["Timeout", check.Timeout],
      ["StartPeriod", check.StartPeriod],
      ["StartInterval", check.StartInterval],
    ] as const)
      if (value && value < 1_000_000) throw bad(`${name} in Healthcheck cannot be less than 1ms`);
    if ((check.Retries ?? 0) < 0) throw bad("Retries in Healthcheck cannot be negative");
  }
}

function validateModes(config: ContainerConfig, hostConfig: HostConfig): void {
  const mode = hostConfig.NetworkMode ?? "";
  const joined = containerMode(mode);
  if (mode === "container" || joined === "") throw bad("invalid network mode: invalid container format container:<name|id>");
  if (hostConfig.UTSMode === "host" && config.Hostname) throw conflicting("hostname and the UTS mode");
  if (hostConfig.UTSMode && hostConfig.UTSMode !== "host") throw bad(`invalid UTS mode: ${hostConfig.UTSMode}`);
  if (joined !== undefined) {
    if (config.Hostname) throw conflicting("hostname and the network mode");
    if (hostConfig.Links?.length)
      throw conflicting("container type network can't be used with links. This would result in undefined behavior");
    if (hostConfig.Dns?.length) throw conflicting("dns and the network mode");
    if (hostConfig.ExtraHosts?.length) throw conflicting("custom host-to-IP mapping and the network mode");
    if (config.MacAddress) throw conflicting("mac-address and the network mode");
    if (Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts)
      throw conflicting("port publishing and the container type network mode");
    if (Object.keys(config.ExposedPorts ?? {}).length > 0) throw conflicting("port exposing and the container type network mode");
  }
  if (mode === "host") {
    if (hostConfig.Links?.length)
      throw conflicting("host type networking can't be used with links. This would result in undefined behavior");
    if (config.MacAddress) throw conflicting("mac-address and the network mode");
  }
  const ipc = hostConfig.IpcMode ?? "";
  if (!["", "none", "private", "shareable", "host"].includes(ipc) && !containerMode(ipc)) throw bad(`invalid IPC mode: ${ipc}`);
  const pid = hostConfig.PidMode ?? "";
  if (!["", "host", "private"].includes(pid) && !containerMode(pid)) throw bad(`invalid PID mode: ${pid}`);
}

function portOf(text: string): PortRange {
  try {
    return parsePort(text);
  } catch (cause) {
    throw invalid(`invalid port specification: "${text}"`, { code: "bad-port", cause });
  }
}

function validatePorts(config: ContainerConfig, hostConfig: HostConfig): void {
  for (const [port, bindings] of Object.entries(hostConfig.PortBindings ?? {})) {
    const { from, to } = portOf(port);
    if (from !== to) throw bad(`invalid port specification: "${port}"`, "bad-port");
    for (const { HostPort, HostIp } of bindings ?? []) {
      if (HostPort) parseHostPort(HostPort);
      if (HostIp && !isIp(HostIp)) throw bad(`invalid IP address: ${HostIp}`, "bad-port");
    }
  }
  for (const port of Object.keys(config.ExposedPorts ?? {})) portOf(port);
}

const MINIMUM_MEMORY = 6 * 1024 * 1024;

export function validateResources(hostConfig: HostConfig): void {
  const memory = hostConfig.Memory ?? 0;
  const swap = hostConfig.MemorySwap ?? 0;
  if (memory > 0 && memory < MINIMUM_MEMORY) throw bad("Minimum memory limit allowed is 6MB");
  if (memory > 0 && swap > 0 && swap < memory) throw bad("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (memory === 0 && swap > 0) throw bad("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (memory > 0 && (hostConfig.MemoryReservation ?? 0) > memory)
    throw bad("Minimum memory limit can not be less than memory reservation limit, see usage");
  if ((hostConfig.ShmSize ?? 0) < 0) throw bad("SHM size can not be less than 0");
  const nano = hostConfig.NanoCpus ?? 0;
  const count = cpus().length;
  if (nano !== 0) {
    if (nano < 0 || nano > count * 1e9)
      throw bad(`range of CPUs is from 0.01 to ${count.toFixed(2)}, as there are only ${count} CPUs available`);
    if (hostConfig.CpuPeriod) throw bad("Conflicting options: Nano CPUs and CPU Period cannot both be set");
    if (hostConfig.CpuQuota) throw bad("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  const period = hostConfig.CpuPeriod ?? 0;
  if (period !== 0 && (period < 1000 || period > 1_000_000))
    throw bad("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if ((hostConfig.CpuQuota ?? 0) > 0 && hostConfig.CpuQuota! < 1000) throw bad("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  const weight = hostConfig.BlkioWeight ?? 0;
  if (weight !== 0 && (weight < 10 || weight > 1000)) throw bad("Range of blkio weight is from 10 to 1000");
  const score = hostConfig.OomScoreAdj ?? 0;
  if (score < -1000 || score > 1000) throw bad(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
}

export function validateRestartPolicy(hostConfig: HostConfig): void {
  const policy = hostConfig.RestartPolicy;
  const name = policy?.Name || "no";
  const retries = policy?.MaximumRetryCount ?? 0;
  if (!["no", "always", "unless-stopped", "on-failure"].includes(name)) throw bad(`invalid restart policy '${name}'`);
  if (name !== "on-failure" && retries !== 0) throw bad(`maximum retry count cannot be used with restart policy '${name}'`);
  if (retries < 0) throw bad("maximum retry count cannot be negative");
  if (hostConfig.AutoRemove && name !== "no") throw bad("can't create 'AutoRemove' container with restart policy");
}

import { readFileSync } from "node:fs";
import { invalid } from "#base";
import type { HostConfig } from "./types.ts";

const bad = (message: string, code: string) => invalid(message, { code });

/** What this host or daemon has not: refused at create, in Docker's words, rather than left out in silence. @throws invalidParameter */
export function refuseUnsupported(hostConfig: HostConfig): void {
  if (!["", "default"].includes((hostConfig.Isolation ?? "").toLowerCase()))
    throw bad(`Invalid isolation: "${hostConfig.Isolation}" - linux only supports 'default'`, "bad-isolation");
  for (const { Driver = "", Capabilities } of hostConfig.DeviceRequests ?? []) {
    const capabilities = (Capabilities ?? []).map((each) => `[${each.join(" ")}]`).join(" ");
    throw bad(`could not select device driver "${Driver}" with capabilities: [${capabilities}]`, "no-device-driver");
  }
  if (Object.keys(hostConfig.StorageOpt ?? {}).length > 0)
    throw bad("--storage-opt is supported only for overlay over xfs with 'pquota' mount option", "no-storage-option");
  for (const option of hostConfig.SecurityOpt ?? []) checkSecurityOption(option);
  checkAvailable("CPUs", "cpus", hostConfig.CpusetCpus, "/sys/devices/system/cpu/online");
  checkAvailable("memory nodes", "mems", hostConfig.CpusetMems, "/sys/devices/system/node/online");
}

/** `key=value` or, as Docker had it first, `key:value`. AppArmor and SELinux are the host's: where it has neither, there is nothing to set. */
function checkSecurityOption(option: string): void {
  if (option === "no-new-privileges" || option === "disable") return;
  const [, key, value = ""] = /^([^=:]*)[=:](.*)$/s.exec(option) ?? [];
  if (key === undefined) throw bad(`invalid --security-opt 1: ${JSON.stringify(option)}`, "bad-security-option");
  const known = key === "no-new-privileges" ? /^(1|t|true|0|f|false)$/i.test(value) : ["label", "apparmor", "seccomp"].includes(key);
  if (!known) throw bad(`invalid --security-opt 2: ${JSON.stringify(option)}`, "bad-security-option");
}

/** Numbers of a list as `0-2,7` (cpuset(7)); undefined when it is none. */
export function listNumbers(text: string): number[] | undefined {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return undefined;
  return text.split(",").flatMap((range) => {
    const [start, end = start] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: Math.max(0, Math.min(end - start + 1, MOST)) }, (_, index) => start + index);
  });
}

/** More CPUs than any kernel is built for. */
const MOST = 8192;

function checkAvailable(what: string, name: string, wanted: string | undefined, file: string): void {
  if (!wanted) return;
  const numbers = listNumbers(wanted);
  if (!numbers) throw bad(`Invalid value ${wanted} for cpuset ${name}`, "bad-cpuset");
  const available = readFileSync(file, "latin1").trim();
  const online = new Set(listNumbers(available));
  if (numbers.some((number) => !online.has(number)))
    throw bad(`Requested ${what} are not available - requested ${wanted}, available: ${available}`, "cpuset-not-there");
}

import { invalid } from "#base";
import type { HostConfig } from "./types.ts";

const FILE_OPTIONS = ["max-size", "max-file", "compress"];

/** Drivers a container may name, with the options Docker's of that name takes. All but `none` are conmon's k8s-file here. */
const DRIVERS: Readonly<Record<string, readonly string[] | undefined>> = {
  "json-file": [...FILE_OPTIONS, "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"],
  "k8s-file": FILE_OPTIONS,
  local: [...FILE_OPTIONS, "mode", "max-buffer-size"],
};

/** @throws invalidParameter in Docker's words for a driver or an option that is not here */
export function validateLogConfig(config: HostConfig["LogConfig"]): void {
  const driver = config?.Type || "json-file";
  if (driver === "none") return;
  const known = DRIVERS[driver];
  if (!known) throw invalid(`logger: no log driver named '${driver}' is registered`, { code: "unknown-log-driver" });
  for (const [name, value] of Object.entries(config?.Config ?? {})) {
    if (!known.includes(name)) throw invalid(`unknown log opt '${name}' for ${driver} log driver`, { code: "unknown-log-option" });
    if (name === "max-size") sizeOf(value);
  }
}

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function sizeOf(text: string): number {
  const match = /^(\d+)([bkmg]?)b?$/i.exec(text);
  if (!match && text !== "-1") throw invalid(`failed to initialize logging driver: invalid size: '${text}'`, { code: "bad-log-size" });
  return match ? Number(match[1]) * UNITS[match[2]!.toLowerCase()]! : Number.POSITIVE_INFINITY;
}

/** Bytes of `max-size=10m`, where conmon starts the file anew; undefined for no limit. @throws invalidParameter */
export function logSizeLimit(options: Readonly<Record<string, string>> | null | undefined): number | undefined {
  const text = options?.["max-size"];
  const size = text ? sizeOf(text) : Number.POSITIVE_INFINITY;
  return size > 0 && Number.isFinite(size) ? size : undefined;
}

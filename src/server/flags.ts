import { FairwayError, invalid } from "#base";
import { parseCommandLine } from "./flags/command-line.ts";
import { type DaemonConfig, toConfig } from "./flags/config.ts";
import { parseConfigFile } from "./flags/config-file.ts";
import { helpText } from "./flags/help.ts";
import { type Option, type OptionName, optionNames, options, type Values } from "./flags/table.ts";
import { validate } from "./flags/validate.ts";

export type FlagResult =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "config"; readonly config: DaemonConfig; readonly warnings: readonly string[] };

/** The text of a file, or undefined when there is none. */
export type ReadFile = (path: string) => string | undefined;

/**
 * Reads dockerd's command line and configuration file.
 * @param argv words after the program's name
 * @throws invalidParameter; with code `usage` and context `exitCode` 125 for the command line itself
 */
export function parseDaemonFlags(argv: readonly string[], readFile: ReadFile): FlagResult {
  const flags = parseCommandLine(argv);
  if (flags.get("help") === true) return { kind: "help", text: helpText() };
  if (flags.get("version") === true) return { kind: "version" };
  const path = (flags.get("config-file") as string | undefined) ?? options["config-file"].fallback;
  const text = readFile(path);
  if (text === undefined && flags.has("config-file"))
    throw invalid(`unable to configure the Docker daemon with file ${path}: open ${path}: no such file or directory`, {
      code: "no-config-file",
    });
  const file = text === undefined ? new Map<OptionName, unknown>() : parseConfigFile(path, text, flags);
  const given = new Map([...flags, ...file]);
  const values = Object.fromEntries(
    optionNames.map((name) => [name, given.has(name) ? given.get(name) : options[name].fallback]),
  ) as Values;
  validate(values);
  return { kind: "config", config: toConfig(values), warnings: warningsFor(given, values) };
}

/** What changed on SIGHUP: options a running daemon takes, and those that need a restart. */
export interface Reload {
  readonly config: DaemonConfig;
  readonly warnings: readonly string[];
}

/** Reads the file again for a running daemon: reloadable options take their new values, the others keep the old ones and are named. */
export function reloadDaemonFlags(argv: readonly string[], before: { readonly text: string | undefined }, readFile: ReadFile): Reload {
  const now = parseDaemonFlags(argv, readFile);
  const then = parseDaemonFlags(argv, () => before.text ?? "");
  if (now.kind !== "config" || then.kind !== "config")
    throw new FairwayError("internal", "Cannot reload: the daemon was not started to serve");
  const fixed: string[] = [];
  const merged = mergeReloadable(then.config, now.config, fixed);
  const stuck = fixed.map((name) => `${name} has changed in the configuration file: it takes effect at the next start`);
  return { config: merged, warnings: [...now.warnings, ...stuck] };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function mergeReloadable(then: DaemonConfig, now: DaemonConfig, fixed: string[]): DaemonConfig {
  const containers = {
    ...then.containers,
    runtimes: now.containers.runtimes,
    defaultRuntime: now.containers.defaultRuntime,
    shmSize: now.containers.shmSize,
    ulimits: now.containers.ulimits,
    liveRestore: now.containers.liveRestore,
    shutdownTimeout: now.containers.shutdownTimeout,
  };
  const { httpProxy, httpsProxy, noProxy } = then.registry;
  const registry = { ...now.registry, httpProxy, httpsProxy, noProxy };
  const { debug, logLevel, labels } = now;
  const merged: DaemonConfig = { ...then, debug, logLevel, labels, registry, containers };
  for (const key of Object.keys(now) as (keyof DaemonConfig)[]) if (!same(merged[key], now[key])) fixed.push(key);
  return merged;
}

function warningsFor(given: ReadonlyMap<OptionName, unknown>, values: Values): string[] {
  const warnings: string[] = [];
  for (const [name, value] of given) {
    const { effect, fallback } = options[name] as Option<unknown>;
    if (effect === "ignored" && !same(value, fallback))
      warnings.push(`--${name} has no effect here: ${WHY[name] ?? "Fairway has no such part"}`);
  }
  const backend = values["firewall-backend"];
  if (backend === "iptables")
    warnings.push("--firewall-backend=iptables has no effect here: rules are nftables elements in one table of our own");
  const storage = values["storage-driver"];
  if (storage !== "" && storage !== "overlay2" && storage !== "overlay")
    warnings.push(`--storage-driver=${storage} has no effect here: layers are mounted with overlayfs`);
  if (given.has("ip-forward-no-drop")) warnings.push("--ip-forward-no-drop has no effect here: the policy of FORWARD is never changed");
  for (const text of values["exec-opt"])
    if (!/^native\.cgroupdriver=(cgroupfs|systemd)$/.test(text)) warnings.push(`--exec-opt ${text} has no effect here`);
  if (values["raw-logs"]) warnings.push("--raw-logs has no effect here: logs never have colours");
  return warnings;
}

/** Reasons worth more than "no such part". */
const WHY: Partial<Record<OptionName, string>> = {
  "userland-proxy": "published ports are firewall elements, with no process a port",
  "userland-proxy-path": "published ports are firewall elements, with no process a port",
  containerd: "containers run on conmon and an OCI runtime",
  "userns-remap": "containers run without a user namespace: their root is the host's",
  "selinux-enabled": "no SELinux labels are set",
  rootless: "the daemon needs root",
  "authorization-plugin": "NO AUTHORIZATION IS DONE: whoever reaches the socket is root",
};

import { invalid } from "#base";
import { parseCommandLine } from "./flags/command-line.ts";
import { type DaemonConfig, toConfig } from "./flags/config.ts";
import { parseConfigFile } from "./flags/config-file.ts";
import { helpText } from "./flags/help.ts";
import { FILE_ONLY, type Option, type OptionName, optionNames, options, type Values } from "./flags/table.ts";
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
  const { values, given } = readValues(flags, readFile);
  return { kind: "config", config: toConfig(values), warnings: warningsFor(given, values) };
}

type Given = ReadonlyMap<OptionName, unknown>;

/** Command line and file together, defaults filled in, checked. */
function readValues(flags: Given, readFile: ReadFile): { values: Values; given: Given } {
  const path = (flags.get("config-file") as string | undefined) ?? options["config-file"].fallback;
  const text = readFile(path);
  if (text === undefined && flags.has("config-file"))
    throw invalid(`unable to configure the Docker daemon with file ${path}: open ${path}: no such file or directory`, {
      code: "no-config-file",
    });
  const file: Given = text === undefined ? new Map() : parseConfigFile(path, text, flags);
  const given = new Map([...flags, ...file]);
  const values = byName((name) => (given.has(name) ? given.get(name) : options[name].fallback));
  validate(values);
  return { values, given };
}

const byName = (value: (name: OptionName) => unknown): Values =>
  Object.fromEntries(optionNames.map((name) => [name, value(name)])) as unknown as Values;

/** What a running daemon makes of SIGHUP. */
export interface Reload {
  readonly config: DaemonConfig;
  readonly warnings: readonly string[];
}

/**
 * Reads the configuration file again for a running daemon: options marked `reload` in the table take their new values, the others keep those of
 * `before`, the file's text at the start, and are named in the warnings.
 * @throws invalidParameter when the new file is wrong; nothing has changed then
 */
export function reloadDaemonFlags(argv: readonly string[], before: { readonly text: string | undefined }, readFile: ReadFile): Reload {
  const flags = parseCommandLine(argv);
  const now = readValues(flags, readFile);
  const then = readValues(flags, () => before.text ?? "");
  const stays = (name: OptionName) => (options[name] as Option<unknown>).reload !== true;
  const values = byName((name) => (stays(name) ? then : now).values[name]);
  validate(values);
  const stuck = optionNames.filter((name) => stays(name) && !same(then.values[name], now.values[name]));
  const warnings = stuck.map((name) => `${name} has changed in the configuration file: it takes effect at the next start`);
  return { config: toConfig(values), warnings: [...warningsFor(now.given, now.values), ...warnings] };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function warningsFor(given: Given, values: Values): string[] {
  const warnings: string[] = [];
  for (const [name, value] of given) {
    const { effect, fallback } = options[name] as Option<unknown>;
    if (effect === "ignored" && !same(value, fallback))
      warnings.push(`${FILE_ONLY.has(name) ? name : `--${name}`} has no effect here: ${WHY[name] ?? "Fairway has no such part"}`);
  }
  const backend = values["firewall-backend"];
  if (backend === "iptables")
    warnings.push("--firewall-backend=iptables has no effect here: rules are nftables elements in one table of our own");
  const storage = values["storage-driver"];
  if (storage !== "" && storage !== "overlay2" && storage !== "overlay")
    warnings.push(`--storage-driver=${storage} has no effect here: layers are mounted with overlayfs`);
  for (const text of values["exec-opt"])
    if (text !== "native.cgroupdriver=cgroupfs")
      warnings.push(`--exec-opt ${text} has no effect here: cgroups are made as cgroupfs has them`);
  for (const name of Object.keys(values["add-runtime"]))
    if (name !== values["default-runtime"])
      warnings.push(`--add-runtime ${name} has no effect here: there is one runtime, --default-runtime`);
  if (values.iptables && !values.ip6tables)
    warnings.push("--ip6tables=false has no effect here: both families are one table; see --iptables=false");
  return warnings;
}

const NO_REGISTRY = "there is no registry client yet; images come by docker import and docker load";

/** Reasons worth more than "no such part". */
const WHY: Partial<Record<OptionName, string>> = {
  "userland-proxy": "published ports are firewall elements, with no process a port",
  "userland-proxy-path": "published ports are firewall elements, with no process a port",
  containerd: "containers run on conmon and an OCI runtime",
  "userns-remap": "containers run without a user namespace: their root is the host's",
  "selinux-enabled": "no SELinux labels are set",
  rootless: "the daemon needs root",
  "raw-logs": "logs never have colours",
  "ip-forward-no-drop": "the policy of FORWARD is never changed",
  "bridge-accept-fwmark": "accept the mark in chain user of table inet fairway",
  "insecure-registry": NO_REGISTRY,
  "registry-mirror": NO_REGISTRY,
  "max-concurrent-downloads": NO_REGISTRY,
  "max-concurrent-uploads": NO_REGISTRY,
  "max-download-attempts": NO_REGISTRY,
  "http-proxy": NO_REGISTRY,
  "https-proxy": NO_REGISTRY,
  "no-proxy": NO_REGISTRY,
  proxies: NO_REGISTRY,
  "authorization-plugin": "NO AUTHORIZATION IS DONE: whoever reaches the socket is root",
};

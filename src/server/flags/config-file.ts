import { invalid, messageOf } from "#base";
import { during } from "./kinds.ts";
import { fileKey, type Option, type OptionName, optionNames, options } from "./table.ts";

const byKey = new Map(
  optionNames.flatMap((name) => {
    const key = fileKey(name);
    return key === null ? [] : [[key, name] as const];
  }),
);
// 20.10 to 27 took one address under this key.
byKey.set("host-gateway-ip", "host-gateway-ip");

/** Keys Docker lets stand in the file and on the command line at once: their entries are joined. */
const JOINED: ReadonlySet<string> = new Set(["runtimes"]);

/** Go's `%v` of a value, as it shows in a conflict. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(" ")}]`;
  if (typeof value === "object" && value !== null)
    return `map[${Object.entries(value)
      .map(([key, item]) => `${key}:${shown(item)}`)
      .join(" ")}]`;
  return String(value);
}

/**
 * Reads daemon.json against the same table as the flags.
 * @returns the options the file gives
 * @throws invalidParameter in Docker's words: unknown keys, options given twice, values of a wrong kind
 */
export function parseConfigFile(path: string, text: string, flags: ReadonlyMap<OptionName, unknown>): Map<OptionName, unknown> {
  return during(
    (message) => `unable to configure the Docker daemon with file ${path}: ${message}`,
    () => read(text, flags),
  );
}

function read(text: string, flags: ReadonlyMap<OptionName, unknown>): Map<OptionName, unknown> {
  const entries = Object.entries(parseObject(text));
  const unknown = entries.map(([key]) => key).filter((key) => !byKey.has(key));
  if (unknown.length > 0) throw invalid(`the following directives don't match any configuration option: ${unknown.join(", ")}`);
  const clashes = entries.flatMap(([key, value]) => {
    const name = byKey.get(key)!;
    return flags.has(name) && !JOINED.has(key) ? [`${key}: (from flag: ${shown(flags.get(name))}, from file: ${shown(value)})`] : [];
  });
  if (clashes.length > 0)
    throw invalid(`the following directives are specified both as a flag and in the configuration file: ${clashes.join(", ")}`);
  const given = new Map<OptionName, unknown>();
  for (const [key, value] of entries) {
    const name = byKey.get(key)!;
    const one = key === "host-gateway-ip" ? [value] : value;
    const parsed = during(
      (message) => `${key}: ${message}`,
      () => (options[name] as Option<unknown>).kind.fromFile(one),
    );
    given.set(name, JOINED.has(key) && flags.has(name) ? { ...(parsed as object), ...(flags.get(name) as object) } : parsed);
  }
  return given;
}

function parseObject(text: string): Record<string, unknown> {
  // moby takes an empty file for an empty object.
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw invalid(`invalid JSON: ${messageOf(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("invalid JSON: it holds no object");
  return value as Record<string, unknown>;
}

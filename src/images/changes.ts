import { invalid } from "#base";
import { healthcheckOf } from "./healthcheck.ts";
import type { ImageRunConfig } from "./types.ts";

type Draft = { -readonly [Field in keyof ImageRunConfig]: ImageRunConfig[Field] };

const bad = (message: string) => invalid(message, { code: "bad-change" });

/**
 * Words of a Dockerfile line: blanks separate, quotes group, a backslash keeps the next character. Quotes are taken off; `$NAME` and `${NAME}`,
 * outside of single quotes, are looked up. `oneWord`: blanks do not separate.
 */
function words(line: string, environment: ReadonlyMap<string, string>, oneWord = false): string[] {
  const found: string[] = [];
  let word = "";
  let open = false;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (!oneWord && quote === "" && /\s/.test(char)) {
      if (open) found.push(word);
      [word, open] = ["", false];
      continue;
    }
    open = true;
    if (quote !== "" && char === quote) quote = "";
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
    else if (char === "\\" && quote !== "'" && at + 1 < line.length) {
      const next = line[++at]!;
      word += quote === '"' && !/["$\\]/.test(next) ? `\\${next}` : next;
    } else if (char === "$" && quote !== "'") {
      const variable = /^\$(?:\{(\w+)\}|(\w+))/.exec(line.slice(at));
      if (variable) {
        word += environment.get(variable[1] ?? variable[2] ?? "") ?? "";
        at += variable[0].length - 1;
      } else word += char;
    } else word += char;
  }
  if (quote !== "") throw bad(`unexpected end of statement while looking for matching ${quote === '"' ? "double-quote" : "single-quote"}`);
  if (open) found.push(word);
  return found;
}

function jsonStrings(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

/** CMD, ENTRYPOINT: the JSON form as it is, anything else for the shell. */
const commandLine = (text: string): string[] => jsonStrings(text) ?? (text === "" ? [] : ["/bin/sh", "-c", text]);

function pairs(instruction: string, text: string, environment: ReadonlyMap<string, string>): [string, string][] {
  const legacy = /^([^\s="']+)\s+(.*)$/s.exec(text);
  if (legacy) return [[legacy[1]!, words(legacy[2]!, environment, true).join("")]];
  const all = words(text, environment);
  if (all.length === 0) throw bad(`${instruction} requires at least one argument`);
  return all.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0)
      throw bad(
        all.length === 1
          ? `${instruction} must have two arguments`
          : `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    if (equals === 0) throw bad(`${instruction} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function expose(word: string): string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(\w+))?$/.exec(word);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  const protocol = (match?.[3] ?? "tcp").toLowerCase();
  if (!match || first < 1 || last > 65535 || first > last) throw bad(`Invalid containerPort: ${word}`);
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw bad(`Invalid proto: ${match[3]}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

/**
 * Applies `--change` lines (Dockerfile reference: CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR) to a config.
 * @throws invalidParameter `bad-change` with the builder's words
 */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const draft: Draft & { OnBuild?: string[] } = structuredClone(config) as Draft;
  for (const change of changes)
    for (const line of change.split(/(?<!\\)\n/)) {
      const text = line.replaceAll(/\\\n/g, " ").trim();
      if (text === "" || text.startsWith("#")) continue;
      applyChange(draft, text);
    }
  return draft;
}

function applyChange(draft: Draft & { OnBuild?: string[] }, line: string) {
  const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(line) ?? [];
  const instruction = word.toUpperCase();
  const environment = new Map(
    (draft.Env ?? []).map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const),
  );
  const single = (): string => words(rest, environment, true).join("");
  if (rest === "" && instruction !== "CMD" && instruction !== "ENTRYPOINT" && HANDLED.has(instruction))
    throw bad(`${instruction} requires ${SINGLE.has(instruction) ? "exactly" : "at least"} one argument`);
  switch (instruction) {
    case "CMD":
      draft.Cmd = commandLine(rest);
      break;
    case "ENTRYPOINT":
      draft.Entrypoint = commandLine(rest);
      break;
    case "ENV":
      for (const [key, value] of pairs("ENV", rest, environment)) environment.set(key, value);
      draft.Env = [...environment].map(([key, value]) => `${key}=${value}`);
      break;
    case "LABEL":
      draft.Labels = { ...draft.Labels, ...Object.fromEntries(pairs("LABEL", rest, environment)) };
      break;
    case "EXPOSE":
      draft.ExposedPorts = {
        ...draft.ExposedPorts,
        ...Object.fromEntries(
          words(rest, environment)
            .flatMap(expose)
            .map((port) => [port, {}]),
        ),
      };
      break;
    case "VOLUME": {
      const paths = jsonStrings(rest) ?? words(rest, environment);
      if (paths.some((path) => path.trim() === "")) throw bad("VOLUME specified can not be an empty string");
      draft.Volumes = { ...draft.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
      break;
    }
    case "USER":
      draft.User = single();
      break;
    case "STOPSIGNAL":
      draft.StopSignal = stopSignal(single());
      break;
    case "WORKDIR": {
      const path = single();
      const joined = path.startsWith("/") ? path : `${draft.WorkingDir || "/"}/${path}`;
      draft.WorkingDir = `/${joined
        .split("/")
        .filter((part) => part !== "" && part !== ".")
        .join("/")}`;
      break;
    }
    case "HEALTHCHECK":
      draft.Healthcheck = healthcheckOf(rest, jsonStrings);
      break;
    case "ONBUILD":
      draft.OnBuild = [...(draft.OnBuild ?? []), rest];
      break;
    default:
      throw bad(`${word.toLowerCase()} is not a valid change command`);
  }
}

const HANDLED = new Set([
  "CMD",
  "ENTRYPOINT",
  "ENV",
  "LABEL",
  "EXPOSE",
  "VOLUME",
  "USER",
  "STOPSIGNAL",
  "WORKDIR",
  "HEALTHCHECK",
  "ONBUILD",
]);

const SINGLE = new Set(["USER", "STOPSIGNAL", "WORKDIR"]);

function stopSignal(text: string): string {
  const number = /^\d+$/.test(text) ? Number(text) : undefined;
  if (number !== undefined ? number < 1 || number > 64 : !/^(SIG)?[A-Z]+\d?([+-]\d{1,2})?$/i.test(text))
    throw bad(`Invalid signal: ${text}`);
  return text;
}

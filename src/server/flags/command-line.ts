import { type FairwayError, invalid } from "#base";
import { during } from "./kinds.ts";
import { FILE_ONLY, type Option, type OptionName, optionNames, options } from "./table.ts";

export const PROGRAM = "fairwayd";

/** A refusal of the command line, worded as pflag words it; dockerd leaves with 125 then. */
export const usageError = (message: string): FairwayError =>
  invalid(`${message}\nSee '${PROGRAM} --help'.`, { code: "usage", context: { exitCode: 125 } });

const byShort = new Map(
  optionNames.flatMap((name) => {
    const { short } = options[name] as Option<unknown>;
    return short === undefined ? [] : [[short, name] as const];
  }),
);

const isBool = (name: OptionName): boolean => (options[name] as Option<unknown>).kind.word === "";
const asFlag = (name: OptionName): string => {
  const { short } = options[name] as Option<unknown>;
  return short === undefined ? `--${name}` : `-${short}, --${name}`;
};

/**
 * Reads flags as pflag does: `--name=value`, `--name value`, `--name` for booleans, `-Dl info`, `-Hvalue`, `-H=value`; `--` ends them.
 * @returns the options that were given, a repeatable one with all its values
 * @throws invalidParameter with code `usage`
 */
export function parseCommandLine(argv: readonly string[]): Map<OptionName, unknown> {
  const given = new Map<OptionName, unknown>();
  const rest = [...argv];
  const set = (name: OptionName, text: string) => {
    const { kind } = options[name] as Option<unknown>;
    const refusal = (message: string) =>
      usageError(`invalid argument ${JSON.stringify(text)} for ${JSON.stringify(asFlag(name))} flag: ${message}`).message;
    try {
      given.set(
        name,
        during(refusal, () => kind.parse(text, given.get(name))),
      );
    } catch (error) {
      throw invalid((error as Error).message, { code: "usage", context: { exitCode: 125 }, cause: error });
    }
  };
  const valueFor = (name: OptionName, shown: string, attached: string | undefined): string => {
    if (attached !== undefined) return attached;
    if (isBool(name)) return "true";
    const next = rest.shift();
    if (next === undefined) throw usageError(`flag needs an argument: ${shown}`);
    return next;
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      if (rest.length > 0) throw noArguments();
    } else if (word.startsWith("--")) {
      const at = word.indexOf("=");
      const text = at < 0 ? word.slice(2) : word.slice(2, at);
      if (text === "" || text.startsWith("-")) throw usageError(`bad flag syntax: ${word}`);
      if (!Object.hasOwn(options, text) || FILE_ONLY.has(text as OptionName)) throw usageError(`unknown flag: --${text}`);
      const name = text as OptionName;
      set(name, valueFor(name, `--${name}`, at < 0 ? undefined : word.slice(at + 1)));
    } else if (word.startsWith("-") && word.length > 1) {
      parseShorts(word.slice(1));
    } else throw noArguments();
  }
  return given;

  function parseShorts(text: string): void {
    for (let left = text; left !== ""; ) {
      const letter = left[0]!;
      const name = byShort.get(letter);
      if (name === undefined) throw usageError(`unknown shorthand flag: '${letter}' in -${text}`);
      left = left.slice(1);
      if (isBool(name) && !left.startsWith("=")) {
        set(name, "true");
        continue;
      }
      const attached = left === "" ? undefined : left.replace(/^=/, "");
      set(name, valueFor(name, `'${letter}' in -${text}`, attached));
      return;
    }
  }
}

const noArguments = () => usageError(`${JSON.stringify(PROGRAM)} accepts no arguments.`);

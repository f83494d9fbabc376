import { FILE_ONLY, fileKey, type Option, optionNames, options } from "./table.ts";

/** What the reference says of one option of the daemon. */
export interface OptionDescription {
  readonly name: string;
  readonly short?: string;
  /** Word for the value; empty for a boolean. */
  readonly word: string;
  readonly help: string;
  /** As `--help` would show it; empty where there is none. */
  readonly fallback: string;
  /** Key in daemon.json; null: the file may not hold it. */
  readonly key: string | null;
  /** Stands in the file alone. */
  readonly fileOnly: boolean;
  /** Accepted with a warning that it does nothing. */
  readonly ignored: boolean;
  /** Not in `--help`. */
  readonly hidden: boolean;
  /** Read again on SIGHUP. */
  readonly reload: boolean;
}

/** Every option, in the table's order: by what it is about. */
export function describeOptions(): readonly OptionDescription[] {
  return optionNames.map((name) => {
    const { kind, help, fallback, short, effect, reload, hidden } = options[name] as Option<unknown>;
    return {
      ...{ name, word: kind.word, help, fallback: shown(fallback), key: fileKey(name) },
      ...(short === undefined ? {} : { short }),
      ...{ fileOnly: FILE_ONLY.has(name), ignored: effect === "ignored", hidden: hidden === true, reload: reload === true },
    };
  });
}

function shown(value: unknown): string {
  if (Array.isArray(value) || (typeof value === "object" && value !== null)) return "";
  return String(value);
}

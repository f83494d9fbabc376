import { invalid } from "#base";

/** How one query parameter is read and written. `decode` gets every value given, or undefined when there was none. */
export interface QueryParameter<T> {
  decode(values: readonly string[] | undefined, name: string): T;
  encode(value: T): readonly string[];
}

/** filter name → values; the form in which every filter of the API travels. */
export type Filters = Readonly<Record<string, readonly string[]>>;

const FALSE_WORDS = new Set(["", "0", "no", "false", "none"]);

export const string: QueryParameter<string | undefined> = {
  decode: (values) => values?.[0],
  encode: (value) => (value === undefined ? [] : [value]),
};

export const strings: QueryParameter<readonly string[]> = { decode: (values) => values ?? [], encode: (value) => value };

/** Docker's loose boolean: everything but `0`, `no`, `false`, `none` and nothing is true. */
export const bool: QueryParameter<boolean> = {
  decode: (values) => !FALSE_WORDS.has((values?.[0] ?? "").trim().toLowerCase()),
  encode: (value) => [value ? "1" : "0"],
};

/** A boolean that is true unless the client says otherwise. */
export const boolDefaultTrue: QueryParameter<boolean> = {
  decode: (values, name) => (values === undefined ? true : bool.decode(values, name)),
  encode: bool.encode,
};

const PARSE_BOOL: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true])),
  ...Object.fromEntries(["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false])),
};

/** Go's strconv.ParseBool, strict. */
export const strictBool: QueryParameter<boolean> = {
  decode(values, name) {
    const text = values?.[0] ?? "";
    if (text === "") return false;
    const value = PARSE_BOOL[text];
    if (value === undefined)
      throw invalid(`invalid value for ${name}: ${text}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
    return value;
  },
  encode: (value) => [String(value)],
};

/** A decimal integer, or undefined. */
export const int: QueryParameter<number | undefined> = {
  decode(values) {
    const text = values?.[0];
    if (text === undefined || text === "") return undefined;
    if (!/^[+-]?\d{1,19}$/.test(text)) throw invalid(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text);
  },
  encode: (value) => (value === undefined ? [] : [String(value)]),
};

/** Seconds since the epoch with an optional fraction, kept as text since nanoseconds do not fit a number. */
export const timestamp: QueryParameter<string | undefined> = {
  decode(values) {
    const text = values?.[0];
    if (text === undefined || text === "") return undefined;
    if (!/^-?\d+(\.\d{1,9})?$/.test(text)) throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    return text;
  },
  encode: string.encode,
};

/** Both forms clients send: `{"label":["a","b"]}` and `{"label":{"a":true}}`. */
export const filters: QueryParameter<Filters> = {
  decode(values) {
    const text = values?.[0];
    if (text === undefined || text === "") return {};
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw invalid(`invalid filter: invalid character ${JSON.stringify(text[0])} in filters ${JSON.stringify(text.slice(0, 80))}`);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw invalid("invalid filter: json: cannot unmarshal filters into Go value of type map[string]map[string]bool");
    const result: Record<string, readonly string[]> = Object.create(null);
    for (const [name, given] of Object.entries(value)) {
      const words = Array.isArray(given)
        ? given
        : typeof given === "object" && given !== null
          ? Object.entries(given)
              .filter(([, on]) => on === true)
              .map(([word]) => word)
          : undefined;
      if (!words?.every((word) => typeof word === "string"))
        throw invalid("invalid filter: json: cannot unmarshal filters into Go value of type map[string]map[string]bool");
      result[name] = words;
    }
    return { ...result };
  },
  encode: (value) => (Object.keys(value).length === 0 ? [] : [JSON.stringify(value)]),
};

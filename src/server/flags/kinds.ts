import { invalid, isIp, messageOf, parseCidr } from "#base";

/** How the values of one kind of option are read: from the command line (one text an occurrence) and from daemon.json. Errors are Go's words. */
export interface Kind<T> {
  /** The word `--help` shows after the flag; empty for a boolean. */
  readonly word: string;
  /** One occurrence, on top of what earlier ones gave. */
  parse(text: string, before: T | undefined): T;
  fromFile(value: unknown): T;
}

export type ValueOf<K> = K extends Kind<infer T> ? T : never;
export type StringMap = Readonly<Record<string, string>>;

const syntax = (call: string, text: string) => invalid(`strconv.${call}: parsing ${JSON.stringify(text)}: invalid syntax`);
const wrongType = (value: unknown, type: string) =>
  invalid(`json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value} into Go value of type ${type}`);

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

export const bool: Kind<boolean> = {
  word: "",
  parse(text) {
    if (TRUE.has(text)) return true;
    if (FALSE.has(text)) return false;
    throw syntax("ParseBool", text);
  },
  fromFile(value) {
    if (typeof value !== "boolean") throw wrongType(value, "bool");
    return value;
  },
};

export const string: Kind<string> = {
  word: "string",
  parse: (text) => text,
  fromFile(value) {
    if (typeof value !== "string") throw wrongType(value, "string");
    return value;
  },
};

export const int: Kind<number> = {
  word: "int",
  parse(text) {
    if (!/^[+-]?\d{1,15}$/.test(text)) throw syntax("ParseInt", text);
    return Number(text);
  },
  fromFile(value) {
    if (!Number.isInteger(value)) throw wrongType(value, "int");
    return value as number;
  },
};

const checked = (kind: Kind<string>, word: string, check: (text: string) => void): Kind<string> => ({
  word,
  parse(text, before) {
    check(text);
    return kind.parse(text, before);
  },
  fromFile(value) {
    const text = kind.fromFile(value);
    check(text);
    return text;
  },
});

/** An address, or nothing. */
export const ip = checked(string, "ip", (text) => {
  if (text !== "" && !isIp(text)) throw invalid(`${text} is not an ip address`);
});

/** `a.b.c.d/len`, host bits allowed, or nothing. */
export const cidr = checked(string, "string", (text) => {
  if (text !== "") parseCidr(text);
});

export const oneOf = (...words: readonly string[]): Kind<string> =>
  checked(string, "string", (text) => {
    if (text !== "" && !words.includes(text)) throw invalid(`must be one of ${words.join(", ")}, is ${JSON.stringify(text)}`);
  });

/** A repeatable flag; every value is checked. */
export const list = (check: (text: string) => void = () => {}, word = "list"): Kind<readonly string[]> => ({
  word,
  parse(text, before) {
    check(text);
    return [...(before ?? []), text];
  },
  fromFile(value) {
    if (!Array.isArray(value)) throw wrongType(value, "[]string");
    for (const item of value) check(string.fromFile(item));
    return value as string[];
  },
});

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `key=value`, repeatable; a JSON object in the file. */
export const map: Kind<StringMap> = {
  word: "map",
  parse(text, before) {
    const at = text.indexOf("=");
    return { ...before, [at < 0 ? text : text.slice(0, at)]: at < 0 ? "" : text.slice(at + 1) };
  },
  fromFile(value) {
    if (!isRecord(value)) throw wrongType(value, "map[string]string");
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, string.fromFile(item)]));
  },
};

export const boolMap: Kind<Readonly<Record<string, boolean>>> = {
  word: "map",
  parse(text, before) {
    const [name = "", value = "true"] = text.split("=", 2);
    return { ...before, [name]: bool.parse(value, undefined) };
  },
  fromFile(value) {
    if (!isRecord(value)) throw wrongType(value, "map[string]bool");
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, bool.fromFile(item)]));
  },
};

export interface AddressPool {
  readonly base: string;
  readonly size: number;
}

function pool(base: string | undefined, size: unknown): AddressPool {
  if (base === undefined || base === "" || size === undefined) throw invalid(`missing ${base ? "size" : "base"} in address pool`);
  const { family, prefix } = parseCidr(base);
  const number = typeof size === "number" ? size : int.parse(String(size), undefined);
  const most = family === 4 ? 32 : 128;
  if (number < prefix || number > most) throw invalid(`invalid pool size ${number} for ${base}: it must be between ${prefix} and ${most}`);
  return { base, size: number };
}

/** `base=10.0.0.0/8,size=24`, repeatable. */
export const addressPools: Kind<readonly AddressPool[]> = {
  word: "pool-options",
  parse(text, before) {
    const given: Record<string, string> = {};
    for (const field of text.split(",")) {
      const [key = "", value] = field.split("=", 2);
      if (value === undefined) throw invalid(`invalid field '${field}' must be a key=value pair`);
      if (key !== "base" && key !== "size") throw invalid(`unexpected key '${key}' in '${field}'`);
      given[key] = value;
    }
    return [...(before ?? []), pool(given.base, given.size)];
  },
  fromFile(value) {
    if (!Array.isArray(value)) throw wrongType(value, "[]ipamutils.NetworkToSplit");
    return value.map((item) => pool((item as { base?: string })?.base, (item as { size?: number })?.size));
  },
};

/** `driver=key=value`, repeatable; `{"bridge": {"key": "value"}}` in the file. */
export const networkOptions: Kind<Readonly<Record<string, StringMap>>> = {
  word: "mapmap",
  parse(text, before) {
    const match = /^([^=]+)=([^=]+)=(.*)$/.exec(text);
    if (!match) throw invalid(`invalid value ${JSON.stringify(text)}: want driver=key=value`);
    return { ...before, [match[1]!]: { ...before?.[match[1]!], [match[2]!]: match[3]! } };
  },
  fromFile(value) {
    if (!isRecord(value)) throw wrongType(value, "map[string]map[string]string");
    return Object.fromEntries(Object.entries(value).map(([driver, options]) => [driver, map.fromFile(options)]));
  },
};

export interface RuntimeEntry {
  readonly path: string;
  readonly args: readonly string[];
}

/** `name=path`, repeatable; `{"name": {"path": …, "runtimeArgs": []}}` in the file. */
export const runtimes: Kind<Readonly<Record<string, RuntimeEntry>>> = {
  word: "runtime",
  parse(text, before) {
    const at = text.indexOf("=");
    const [name, path] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
    if (at < 0 || name === "" || path === "") throw invalid(`invalid runtime option format passed to add-runtime: ${text}`);
    if (before && Object.hasOwn(before, name)) throw invalid(`runtime '${name}' was already defined`);
    return { ...before, [name.toLowerCase()]: { path, args: [] } };
  },
  fromFile(value) {
    if (!isRecord(value)) throw wrongType(value, "map[string]types.Runtime");
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => {
        const { path, runtimeArgs, runtimeType } = isRecord(entry) ? entry : {};
        if (runtimeType !== undefined) throw invalid(`runtime ${name}: containerd shims (runtimeType) are not supported, only a path`);
        return [name, { path: string.fromFile(path), args: runtimeArgs === undefined ? [] : list().fromFile(runtimeArgs) }];
      }),
    );
  },
};

export interface UlimitEntry {
  readonly soft: number;
  readonly hard: number;
}

const ULIMIT_NAMES = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" ");

function ulimit(name: string, soft: number, hard: number): UlimitEntry {
  if (!ULIMIT_NAMES.includes(name)) throw invalid(`invalid ulimit type: ${name}`);
  if (hard !== -1 && (soft === -1 || soft > hard))
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  return { soft, hard };
}

/** `nofile=1024:2048`, repeatable. */
export const ulimits: Kind<Readonly<Record<string, UlimitEntry>>> = {
  word: "ulimit",
  parse(text, before) {
    const match = /^([^=]+)=([^:]+)(?::(.+))?$/.exec(text);
    if (!match) throw invalid(`invalid ulimit argument: ${text}`);
    const soft = int.parse(match[2]!, undefined);
    return { ...before, [match[1]!]: ulimit(match[1]!, soft, match[3] === undefined ? soft : int.parse(match[3], undefined)) };
  },
  fromFile(value) {
    if (!isRecord(value)) throw wrongType(value, "map[string]*units.Ulimit");
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => {
        const { Soft = 0, Hard = Soft } = isRecord(entry) ? entry : {};
        return [name, ulimit(name, int.fromFile(Soft), int.fromFile(Hard))];
      }),
    );
  },
};

const BYTE_UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4, p: 1024 ** 5 };

/** `64M`, `1GiB`: 1024-based, as docker/go-units reads memory sizes. @throws invalidParameter */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (!match) throw invalid(`invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * BYTE_UNITS[match[2]!.toLowerCase()]!);
}

export const bytes: Kind<number> = {
  word: "bytes",
  parse: (text) => parseBytes(text),
  fromFile: (value) => (typeof value === "number" ? int.fromFile(value) : parseBytes(string.fromFile(value))),
};

export interface ProxyEntry {
  readonly "http-proxy"?: string;
  readonly "https-proxy"?: string;
  readonly "no-proxy"?: string;
}

/** Only in the file; each field has a flag of its own. */
export const proxies: Kind<ProxyEntry> = {
  word: "",
  parse(text) {
    throw invalid(`no such flag: ${text}`);
  },
  fromFile: (value) => map.fromFile(value),
};

/** Adds what failed to a value's error, keeping its words. */
export function during<T>(what: (message: string) => string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw invalid(what(messageOf(error)), { code: "bad-value", cause: error });
  }
}

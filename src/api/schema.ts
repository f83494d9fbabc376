import { type FairwayError, invalid } from "#base";
import { jsonSyntaxError } from "./json-syntax.ts";

/**
 * Schemas of request bodies, with the meaning Go's encoding/json gives them, since that is what Docker's clients were written against: field names
 * match in any case, unknown fields are ignored, null leaves a field unset, and a wrong type is an error that names struct and field.
 */
export interface Schema<T> {
  /** Go's name of the type, for error messages. */
  readonly type: string;
  /** What null means as an element of an array or map. */
  readonly zero: T | null;
  /** What is as it came is handed on itself and not copied: a client that publishes thousands of ports sends as many small objects. */
  decode(value: unknown, place: Place): T;
}

/** Where a value stands: the innermost struct and its field, and the place of that struct. The root is in no field. */
export interface Place {
  readonly struct: string;
  readonly field?: string;
  readonly outer?: Place;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;
type Fields = Readonly<Record<string, Schema<unknown>>>;
export type Struct<F extends Fields> = { [K in keyof F]?: Infer<F[K]> };

const kindOf = (value: unknown): string => (Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value);

function mismatch(value: unknown, type: string, place: Place, detail = ""): FairwayError {
  const path: string[] = [];
  for (let at: Place | undefined = place; at?.field !== undefined; at = at.outer) path.unshift(at.field);
  const what = `json: cannot unmarshal ${kindOf(value)}${detail} into Go`;
  const where = path.length === 0 ? `value of type ${type}` : `struct field ${place.struct}.${path.join(".")} of type ${type}`;
  return invalid(`invalid JSON: ${what} ${where}`, { code: "bad-json-type", context: { path: path.join("."), type } });
}

const scalar = <T>(type: string, zero: T, is: (value: unknown) => boolean): Schema<T> => ({
  type,
  zero,
  decode(value, place) {
    if (!is(value)) throw mismatch(value, type, place);
    return value as T;
  },
});

export const string: Schema<string> = scalar("string", "", (value) => typeof value === "string");
export const bool: Schema<boolean> = scalar("bool", false, (value) => typeof value === "boolean");
/** Any JSON value, handed on as it is. */
export const any: Schema<unknown> = { type: "interface {}", zero: null, decode: (value) => value };

const INT64_LIMIT = 2 ** 63;

/** A Go integer; values beyond 2^53 lose their last digits, as every JavaScript number does. */
export const int: Schema<number> = {
  type: "int64",
  zero: 0,
  decode(value, place) {
    if (typeof value !== "number") throw mismatch(value, "int64", place);
    if (!Number.isInteger(value) || value > INT64_LIMIT || value < -INT64_LIMIT) throw mismatch(value, "int64", place, ` ${value}`);
    return value;
  },
};

export function array<T>(element: Schema<T>): Schema<T[]> {
  const type = `[]${element.type}`;
  return {
    type,
    zero: null,
    decode(value, place) {
      if (!Array.isArray(value)) throw mismatch(value, type, place);
      const decoded = value.map((item) => (item === null ? (element.zero as T) : element.decode(item, place)));
      return decoded.every((item, index) => item === value[index]) ? value : decoded;
    },
  };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** A Go map; a null value stays null where the element is a struct, map or list. */
export function map<T>(element: Schema<T>): Schema<Record<string, T>> {
  const type = `map[string]${element.type}`;
  return {
    type,
    zero: null,
    decode(value, place) {
      if (!isObject(value)) throw mismatch(value, type, place);
      const keys = Object.keys(value);
      const decoded = keys.map((key) => (value[key] === null ? (element.zero as T) : element.decode(value[key], place)));
      if (keys.every((key, index) => decoded[index] === value[key])) return value as Record<string, T>;
      return Object.fromEntries(keys.map((key, index) => [key, decoded[index]!]));
    },
  };
}

/** A one-or-many list: Go's strslice takes a bare string for a list of one. */
export const stringOrList: Schema<string[]> = {
  type: "[]string",
  zero: null,
  decode: (value, place) => (typeof value === "string" ? [value] : array(string).decode(value, place)),
};

export interface StructOptions {
  /** Keep fields the schema does not name. */
  readonly open?: boolean;
}

/** A Go struct by the name its errors carry. */
export function struct<F extends Fields>(name: string, fields: F, options: StructOptions = {}): Schema<Struct<F>> {
  const byLowerCase = new Map(Object.keys(fields).map((key) => [key.toLowerCase(), key]));
  const fieldOf = (key: string) => (Object.hasOwn(fields, key) ? key : byLowerCase.get(key.toLowerCase()));
  const struct = name.split(".").at(-1)!;
  return {
    type: name,
    zero: null,
    decode(value, place) {
      if (!isObject(value)) throw mismatch(value, name, place);
      const result: Record<string, unknown> = {};
      let same = true;
      for (const key of Object.keys(value)) {
        const item = value[key];
        const field = item === null || key === "__proto__" ? undefined : fieldOf(key);
        if (field !== undefined) result[field] = fields[field]!.decode(item, { struct, field, outer: place });
        else if (options.open && item !== null && key !== "__proto__") result[key] = item;
        same &&= result[key] === item;
      }
      return (same ? value : result) as Struct<F>;
    },
  };
}

/** Parses and checks a request body. @throws invalidParameter `invalid JSON: …` */
export function decodeJson<T>(schema: Schema<T>, text: string): T {
  if (text.trim() === "") throw invalid("invalid JSON: got EOF while reading request body", { code: "bad-json" });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const words = jsonSyntaxError(text);
    const message = words.endsWith("after top-level value") ? "unexpected content after JSON" : `invalid JSON: ${words}`;
    throw invalid(message, { code: "bad-json", cause: error });
  }
  if (value === null) return (schema.zero ?? {}) as T;
  return schema.decode(value, { struct: schema.type });
}

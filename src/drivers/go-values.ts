import { invalid } from "#base";

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Go's strconv.ParseBool, which is what Docker reads option values with. */
export function parseBool(text: string): boolean | undefined {
  if (TRUE.has(text)) return true;
  return FALSE.has(text) ? false : undefined;
}

/** An option that is a bool. @throws invalidParameter in Docker's words */
export function boolOption(options: Readonly<Record<string, string>>, key: string, fallback: boolean): boolean {
  const text = options[key];
  if (text === undefined) return fallback;
  const value = parseBool(text);
  if (value === undefined) {
    throw invalid(`failed to parse ${key} value: ${text} (strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax)`, {
      code: "bad-option",
      context: { key, value: text },
    });
  }
  return value;
}

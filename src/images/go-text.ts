import { invalid } from "#base";
import { durationOf } from "./duration.ts";

/**
 * Go's path.Match as a predicate: `*` and `?` stop at a slash, `[a-z]` and `[^a]` are classes, a backslash quotes.
 * @throws invalidParameter `syntax error in pattern`
 */
export function pathPattern(pattern: string): (text: string) => boolean {
  const bad = () => invalid("syntax error in pattern", { code: "bad-pattern", context: { pattern } });
  const literal = (char: string) => char.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  const chars = [...pattern];
  let source = "";
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!;
    if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "\\") {
      const next = chars[++at];
      if (next === undefined) throw bad();
      source += literal(next);
    } else if (char === "[") {
      const negated = chars[at + 1] === "^";
      if (negated) at++;
      let body = "";
      const one = () => {
        let next = chars[++at];
        if (next === "\\") next = chars[++at];
        else if (next === "-" || next === "]") throw bad();
        if (next === undefined) throw bad();
        return next;
      };
      do {
        const low = one();
        let high = low;
        if (chars[at + 1] === "-") {
          at++;
          high = one();
        }
        if (low <= high) body += `${literal(low)}-${literal(high)}`;
        if (at + 1 >= chars.length) throw bad();
      } while (chars[at + 1] !== "]");
      at++;
      source += negated ? `[^${body}]` : body === "" ? "(?!)" : `[${body}]`;
    } else source += literal(char);
  }
  const expression = new RegExp(`^${source}$`, "u");
  return (text) => expression.test(text);
}

/**
 * The moment an `until` filter means, in milliseconds since the epoch: a duration back from now (`10m`), seconds since the epoch, or a date with or
 * without time and zone.
 * @throws invalidParameter in Docker's words
 */
export function momentOf(text: string, now: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return now - durationOf(text) / 1e6;
  const time = /^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw invalid(`failed to parse value as time or duration: ${JSON.stringify(text)}`, { code: "bad-filter" });
  return time;
}

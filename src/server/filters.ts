import type { Filters } from "#api";
import { invalid } from "#base";

/** Refuses filters nobody knows. @throws invalidParameter `invalid filter 'x'` */
export function checkFilters(filters: Filters, accepted: readonly string[]): void {
  for (const name of Object.keys(filters)) {
    if (!accepted.includes(name)) throw invalid(`invalid filter '${name}'`, { code: "bad-filter", context: { filter: name } });
  }
}

/** `label` filters: every one must hold; `k` or `k=v`. */
export function matchesLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[] | undefined): boolean {
  return (wanted ?? []).every((text) => {
    const at = text.indexOf("=");
    const key = at < 0 ? text : text.slice(0, at);
    return Object.hasOwn(labels, key) && (at < 0 || labels[key] === text.slice(at + 1));
  });
}

/** True when one of the values is a substring of the text, or matches it as a regular expression; true when no value was given. */
export function matchesText(text: string, wanted: readonly string[] | undefined): boolean {
  if (wanted === undefined || wanted.length === 0) return true;
  return wanted.some((pattern) => {
    if (text.includes(pattern)) return true;
    try {
      return new RegExp(pattern).test(text);
    } catch {
      return false;
    }
  });
}

export const matchesExactly = (text: string, wanted: readonly string[] | undefined): boolean =>
  wanted === undefined || wanted.length === 0 || wanted.includes(text);

/** A boolean filter: one value, `true`/`1` or `false`/`0`. @throws invalidParameter in Docker's words */
export function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters[name];
  if (values === undefined || values.length === 0) return undefined;
  const value = values.length > 1 ? undefined : values[0];
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw invalid(`invalid value for filter '${name}', must be "true" (or "1"), or "false" (or "0")`, { code: "bad-filter" });
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/**
 * The `until` filter: a Go duration back from now, seconds since the epoch, or a date. @returns milliseconds since the epoch, or undefined without one
 * @throws invalidParameter
 */
export function untilFilter(filters: Filters, now: Date): number | undefined {
  const values = filters.until;
  if (values === undefined || values.length === 0) return undefined;
  const text = values[0]!;
  if (values.length > 1) throw invalid("more than one until filter specified");
  if (/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) {
    let back = 0;
    for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(h|ms|m|s)/g)) back += Number(amount) * UNITS[unit!]!;
    return now.getTime() - back;
  }
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  if (Number.isNaN(date))
    throw invalid(`invalid value for filter 'until': failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return date;
}

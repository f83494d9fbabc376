import { invalid } from "#base";

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Go's duration text in nanoseconds: `1m30s`. @throws invalidParameter */
export function durationOf(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text))
    throw invalid(`time: invalid duration ${JSON.stringify(text)}`, { code: "bad-change", context: { value: text } });
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) total += Number(number) * UNITS[unit!]!;
  return Math.round(total);
}

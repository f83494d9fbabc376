/** JSON as Docker's encoder writes it: int64 in full, times in Go's format, a newline at the end. */

/** ECMAScript's JSON.parse source text access, which TypeScript's library does not declare yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** Encodes a value; a bigint is written as an integer of any size. */
export function encodeJson(value: unknown): string {
  try {
    return `${JSON.stringify(value)}\n`;
  } catch {
    // It holds a bigint. A function that is asked about every value triples the time of long answers, so they are tried without.
    return `${JSON.stringify(value, (_, item) => (typeof item === "bigint" ? rawJSON(item.toString()) : item))}\n`;
  }
}

const NANOS_PER_SECOND = 1_000_000_000n;

/** Nanoseconds since the epoch of a Date, exact to the millisecond. */
export const nanosOf = (date: Date): bigint => BigInt(date.getTime()) * 1_000_000n;

/** `seconds[.fraction]` since the epoch, as clients write `since` and `until`. */
export function parseTimestamp(text: string): bigint {
  const [seconds = "0", fraction = ""] = text.split(".");
  return BigInt(seconds) * NANOS_PER_SECOND + BigInt(fraction.padEnd(9, "0").slice(0, 9) || "0");
}

/** Keys in byte order, as Go writes a map. */
export function sortedRecord<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

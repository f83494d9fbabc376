/** Nanoseconds since the epoch. The wall clock has milliseconds; the monotonic one fills in the rest, so that two calls never agree. */
export function nowNano(): bigint {
  return wallAtStart + (process.hrtime.bigint() - monotonicAtStart);
}

const monotonicAtStart = process.hrtime.bigint();
const wallAtStart = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;

/** RFC 3339 with nanoseconds in UTC, trailing zeros trimmed: Go's time.RFC3339Nano. */
export function rfc3339Nano(nanos: bigint = nowNano()): string {
  const seconds = new Date(Number(nanos / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

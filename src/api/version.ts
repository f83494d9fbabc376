import { invalid } from "#base";

/** The newest Engine API version this server speaks, and the oldest it accepts. */
export const API_VERSION = "1.50";
export const MIN_API_VERSION = "1.24";

/** Orders two `major.minor` versions. @returns negative, zero or positive */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export const atLeast = (version: string, wanted: string): boolean => compareVersions(version, wanted) >= 0;

/** The `x` of `1.x`. */
export const minorOf = (version: string): number => Number(version.split(".")[1] ?? 0);

/** Refuses a version out of range, in Docker's words. @throws invalidParameter */
export function checkVersion(version: string): void {
  if (compareVersions(version, API_VERSION) > 0)
    throw invalid(`client version ${version} is too new. Maximum supported API version is ${API_VERSION}`, {
      code: "client-too-new",
      context: { version },
    });
  if (compareVersions(version, MIN_API_VERSION) < 0)
    throw invalid(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
      { code: "client-too-old", context: { version } },
    );
}

/** Splits `/v1.41/info` into version and path; a path without a version speaks the newest one. */
export function splitVersion(path: string): { version: string; path: string } {
  const match = /^\/v([0-9]+(?:\.[0-9]+)*)(\/.*)$/.exec(path);
  return match ? { version: match[1]!, path: match[2]! } : { version: API_VERSION, path };
}

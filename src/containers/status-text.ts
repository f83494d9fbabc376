import type { Container } from "./container.ts";
import { ZERO_TIME } from "./record.ts";

/** Elapsed time as Docker's clients know it: `About a minute`, `3 hours`. @param seconds of it */
export function humanDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < 60) return `${whole} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}

/** The STATUS column of `docker ps`. */
export function statusText(container: Container, now: number = Date.now()): string {
  const { record } = container;
  const since = (time: string): string => humanDuration(Math.max(0, now - Date.parse(time)) / 1000);
  if (record.phase === "paused") return `Up ${since(record.startedAt)} (Paused)`;
  if (container.up) {
    const health = container.health?.Status;
    const suffix = health === undefined ? "" : health === "starting" ? " (health: starting)" : ` (${health})`;
    return `Up ${since(record.startedAt)}${suffix}`;
  }
  if (record.restarting) return `Restarting (${record.exitCode}) ${since(record.finishedAt)} ago`;
  if (record.removing) return "Removal In Progress";
  if (record.phase === "dead") return "Dead";
  if (record.startedAt === ZERO_TIME) return "Created";
  return record.finishedAt === ZERO_TIME ? "" : `Exited (${record.exitCode}) ${since(record.finishedAt)} ago`;
}

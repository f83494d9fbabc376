import { invalid } from "#base";
import { durationOf } from "./duration.ts";

/** Nanoseconds. */
const MINIMUM = 1e6;

/** The HEALTHCHECK instruction's argument as the config's Healthcheck object (Docker's field names, times in nanoseconds). @throws invalidParameter */
export function healthcheckOf(text: string, jsonStrings: (text: string) => string[] | undefined): Record<string, unknown> {
  const bad = (message: string) => invalid(message, { code: "bad-change" });
  const found: Record<string, unknown> = {};
  let rest = text.trim();
  for (let flag = /^--([\w-]+)=(\S+)\s*/.exec(rest); flag; flag = /^--([\w-]+)=(\S+)\s*/.exec(rest)) {
    rest = rest.slice(flag[0].length);
    const [, name = "", value = ""] = flag;
    if (name === "retries") {
      if (!/^\d+$/.test(value) || Number(value) < 1) throw bad(`--retries must be at least 1 (not ${value})`);
      found.Retries = Number(value);
      continue;
    }
    const field = { interval: "Interval", timeout: "Timeout", "start-period": "StartPeriod", "start-interval": "StartInterval" }[name];
    if (field === undefined) throw bad(`Unknown flag: ${name}`);
    const duration = durationOf(value);
    if (duration !== 0 && duration < MINIMUM) throw bad(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
    found[field] = duration;
  }
  const [, type = "", argument = ""] = /^(\S+)\s*(.*)$/s.exec(rest) ?? [];
  if (type.toUpperCase() === "NONE") {
    if (argument !== "") throw bad("HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (type.toUpperCase() !== "CMD") throw bad(`Unknown type ${JSON.stringify(type.toUpperCase())} in HEALTHCHECK (try CMD)`);
  if (argument === "") throw bad("Missing command after HEALTHCHECK CMD");
  const list = jsonStrings(argument);
  return { Test: list === undefined ? ["CMD-SHELL", argument] : ["CMD", ...list], ...found };
}

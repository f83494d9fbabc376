import { invalid } from "#base";

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
const MINIMUM = 1e6;

/** Go's duration text in nanoseconds: `1m30s`. @throws invalidParameter */
export function durationOf(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text))
    throw invalid(`time: invalid duration ${JSON.stringify(text)}`, { code: "bad-change", context: { value: text } });
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) total += Number(number) * UNITS[unit!]!;
  return Math.round(total);
}

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

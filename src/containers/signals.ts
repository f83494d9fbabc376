import { constants } from "node:os";
import { invalid } from "#base";

/** Linux realtime signals as `kill -l` names them; SIGRTMIN is 34 with glibc and musl. */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

const realtime = (name: string): number | undefined => {
  const match = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (!match) return undefined;
  const offset = Number(match[3] ?? 0) * (match[2] === "-" ? -1 : 1);
  const number = (match[1] === "MIN" ? SIGRTMIN : SIGRTMAX) + offset;
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
};

/** A signal's number from `SIGKILL`, `kill`, `9` or `RTMIN+3`. @throws invalidParameter `Invalid signal: X` */
export function signalNumber(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number > 0 && number <= SIGRTMAX) return number;
  } else {
    const name = text.toUpperCase().replace(/^SIG/, "");
    const number = (constants.signals as Record<string, number>)[`SIG${name}`] ?? realtime(name);
    if (number !== undefined) return number;
  }
  throw invalid(`Invalid signal: ${text}`, { code: "bad-signal", context: { signal: text } });
}

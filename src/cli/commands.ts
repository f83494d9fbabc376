import type { Command } from "./command.ts";
import { dnsLog } from "./commands/dns-log.ts";
import { doctorRun } from "./commands/doctor-run.ts";
import { driftShow } from "./commands/drift-show.ts";
import { networkRouteAdd } from "./commands/network-route-add.ts";
import { networkRouteLs } from "./commands/network-route-ls.ts";
import { networkRouteRm } from "./commands/network-route-rm.ts";
import { versionShow } from "./commands/version-show.ts";

/** Every command there is, in the order of `fairway --help`. */
export const COMMANDS: readonly Command[] = [doctorRun, driftShow, networkRouteAdd, networkRouteLs, networkRouteRm, dnsLog, versionShow];

/** The command that the first words name, and how many words that takes; the longest wins. */
export function findCommand(words: readonly string[], commands: readonly Command[] = COMMANDS): Command | undefined {
  const named = commands.filter((command) => command.words.every((word, at) => words[at] === word));
  return named.toSorted((a, b) => b.words.length - a.words.length)[0];
}

import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { FairwayError, invalid, messageOf } from "#base";
import type { DaemonConfig } from "#server";

export const readFile = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

type Places = Pick<DaemonConfig, "dataRoot" | "execRoot" | "pidfile">;

/** The second one is there as daemons on one `--exec-root` would sweep one another's namespaces away, whatever their `--pidfile`. */
const pidfilesOf = ({ execRoot, pidfile }: Places): string[] => [pidfile, `${execRoot}/owner.pid`];

/** Makes the daemon's directories and says by its pid files whose they are. @throws FairwayError conflict when another daemon has one */
export function takePlaces(places: Places): void {
  makeRoot("data-root", places.dataRoot);
  makeRoot("exec-root", places.execRoot);
  const files = pidfilesOf(places);
  for (const path of files) checkPidfile(path);
  for (const path of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, String(process.pid));
  }
}

/** Removes the pid files: the daemon ends. */
export function leavePlaces(places: Places): void {
  for (const path of pidfilesOf(places)) rmSync(path, { force: true });
}

function makeRoot(option: string, path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o711 });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw invalid(`Cannot use --${option} ${path}: ${messageOf(error)}`, { code: "bad-root", cause: error });
  }
}

function checkPidfile(path: string): void {
  const pid = Number(readFile(path) ?? 0);
  const command = pid > 0 && pid !== process.pid ? readFile(`/proc/${pid}/cmdline`) : undefined;
  if (command?.includes("fairwayd")) throw new FairwayError("conflict", `process with PID ${pid} is still running: pid file ${path}`);
}

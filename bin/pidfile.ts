import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { FairwayError } from "#base";

export const readFile = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

/** @throws FairwayError conflict when another daemon has the file */
export function takePidfile(path: string): void {
  const pid = Number(readFile(path) ?? 0);
  const command = pid > 0 && pid !== process.pid ? readFile(`/proc/${pid}/cmdline`) : undefined;
  if (command?.includes("fairwayd")) throw new FairwayError("conflict", `process with PID ${pid} is still running: pid file ${path}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, String(process.pid));
}

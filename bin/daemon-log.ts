import { writeSync } from "node:fs";
import { LineLog } from "#base";
import type { DaemonConfig } from "#server";

/** The daemon's log, to standard error. */
export const daemonLog = ({ logLevel, logFormat }: DaemonConfig): LineLog => new LineLog({ level: logLevel, format: logFormat, write });

/** A log that cannot be written, on a full disk or to a reader that has gone, must not end the daemon, as an error of process.stderr would. */
function write(line: string): void {
  try {
    writeSync(process.stderr.fd, `${line}\n`);
  } catch {}
}

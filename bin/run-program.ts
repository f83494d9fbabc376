import { execFileSync } from "node:child_process";

/** Daemons and cron jobs often have no sbin in their PATH. */
const PATH = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`;

/** What a program prints; undefined when it is not installed, fails, or takes more than 5 s. */
export function runProgram(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 5000,
      env: { ...process.env, PATH, LC_ALL: "C" },
    });
  } catch {
    return undefined;
  }
}

import { readFileSync } from "node:fs";

/** Field 22 of /proc/PID/stat: when the process started, in ticks since boot; undefined when there is none (or a zombie). */
export function startTime(pid: number): string | undefined {
  if (pid <= 0) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The very process, not a later one with its number. */
export const isAlive = (pid: number, started: string): boolean => started !== "" && startTime(pid) === started;

/** kill(2); false when it is gone already. */
export function signalProcess(pid: number, signal: number): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Whether a process is one of a container's: in its cgroup, or the conmon that names it. */
export function mentions(pid: number, id: string): boolean {
  for (const file of ["cgroup", "cmdline"]) {
    try {
      if (readFileSync(`/proc/${pid}/${file}`, "latin1").includes(id)) return true;
    } catch {}
  }
  return false;
}

import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { LabCgroups } from "./cgroups.ts";

export const LAB_PREFIX = "fairway-lab-";
const UNOWNED_FOR = 10 * 60_000;

/** Start time of a process in clock ticks since boot (proc_pid_stat(5), field 22): with the id, it names a process for good. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Marks a lab's directory as this process's. */
export function claim(directory: string): void {
  writeFileSync(`${directory}/owner`, `${process.pid} ${startTime(process.pid)}`);
}

function isAbandoned(directory: string): boolean {
  try {
    const [pid, start] = readFileSync(`${directory}/owner`, "utf8").split(" ");
    return startTime(Number(pid)) !== start;
  } catch {
    return Date.now() - statSync(directory).mtimeMs > UNOWNED_FOR;
  }
}

/** Removes directories and cgroups of labs whose process was killed; namespaces and processes have gone with it. @returns their directories */
export function sweepAbandonedLabs(): string[] {
  const directories = readdirSync(tmpdir())
    .filter((name) => name.startsWith(LAB_PREFIX))
    .map((name) => `${tmpdir()}/${name}`);
  return directories.filter((directory) => {
    try {
      if (!isAbandoned(directory)) return false;
      new LabCgroups(directory.slice(tmpdir().length + 1)).remove();
      rmSync(directory, { recursive: true, force: true });
      return true;
    } catch {
      // Another lab is sweeping it.
      return false;
    }
  });
}

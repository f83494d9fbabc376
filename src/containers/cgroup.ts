import { readdirSync, readFileSync, rmdirSync } from "node:fs";
import { signalProcess } from "./proc.ts";

const ROOT = "/sys/fs/cgroup";
const SIGKILL = 9;

/** Directories a cgroup path has: one in every v1 hierarchy, or the one of v2. */
export function cgroupDirectories(path: string, layout: "v1" | "v2" | "hybrid"): string[] {
  if (layout === "v2") return [`${ROOT}${path}`];
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${ROOT}/${entry.name}${path}`);
}

/** Pids of a cgroup, empty when it is gone. */
export function cgroupPids(directory: string): number[] {
  try {
    return readFileSync(`${directory}/cgroup.procs`, "latin1")
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [Number(line)]));
  } catch {
    return [];
  }
}

/** The freezer's word: `docker pause` is its doing (cgroup-v2.rst, freezer-subsystem.rst). False when the cgroup is gone. */
export function isFrozen(path: string, layout: "v1" | "v2" | "hybrid"): boolean {
  const file = layout === "v2" ? `${ROOT}${path}/cgroup.freeze` : `${ROOT}/freezer${path}/freezer.state`;
  try {
    return ["1", "FROZEN", "FREEZING"].includes(readFileSync(file, "latin1").trim());
  } catch {
    return false;
  }
}

/** Kills everything in a container's cgroup: what a shared pid namespace leaves when the first process has gone. */
export function killCgroup(path: string, layout: "v1" | "v2" | "hybrid"): void {
  for (const directory of cgroupDirectories(path, layout)) for (const pid of cgroupPids(directory)) signalProcess(pid, SIGKILL);
}

/** Removes an empty cgroup with its children. False when something is still in it. */
export function removeCgroup(path: string, layout: "v1" | "v2" | "hybrid"): boolean {
  return cgroupDirectories(path, layout).every(removeTree);
}

function removeTree(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return true;
    if (code !== "EBUSY" && code !== "ENOTEMPTY") return false;
  }
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeTree(`${directory}/${entry.name}`);
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

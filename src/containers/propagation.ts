import { readFileSync, realpathSync } from "node:fs";
import { invalid } from "#base";
import { unescapeMount } from "./overlay.ts";
import type { MountPoint } from "./record.ts";

/** The mount a path lies in, and whether mounts made there are seen elsewhere (proc_pid_mountinfo(5), optional fields). */
export function mountHolding(path: string, mountinfo: string): { point: string; shared: boolean; slave: boolean } {
  let held = { point: "", shared: false, slave: false };
  for (const line of mountinfo.split("\n")) {
    const [fields = ""] = line.split(" - ");
    const [, , , , escaped = "", , ...optional] = fields.split(" ");
    const point = unescapeMount(escaped);
    const inside = point === "/" || path === point || path.startsWith(`${point}/`);
    // A later line of the same length covers the earlier.
    if (point === "" || !inside || point.length < held.point.length) continue;
    held = { point, shared: optional.some((tag) => tag.startsWith("shared:")), slave: optional.some((tag) => tag.startsWith("master:")) };
  }
  return held;
}

/** A bind that asks for propagation needs a source that has some. @throws invalidParameter in Docker's words */
export function checkPropagation({ Source, Propagation }: MountPoint): void {
  const shared = /^r?shared$/.test(Propagation);
  if (!shared && !/^r?slave$/.test(Propagation)) return;
  const holding = mountHolding(realpathSync(Source), readFileSync("/proc/self/mountinfo", "utf8"));
  if (holding.shared || (!shared && holding.slave)) return;
  throw invalid(`path ${Source} is mounted on ${holding.point} but it is not a ${shared ? "shared" : "shared or slave"} mount`, {
    code: "no-propagation",
  });
}

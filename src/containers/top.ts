import { execFile } from "node:child_process";
import { conflict, internal, invalid } from "#base";
import { cgroupDirectories, cgroupPids } from "./cgroup.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { notRunning } from "./errors.ts";
import { findProgram } from "./runtime.ts";
import { cgroupsPathOf } from "./starting.ts";

/** Bytes of ps's output: a line of a container's conmon alone has nearly a thousand. */
const OUTPUT_LIMIT = 256 << 20;

/** `docker top`: the host's ps, cut to the container's processes. @throws conflict when it is down */
export async function topJson(
  context: Context,
  container: Container,
  psArgs: string,
): Promise<{ Titles: string[]; Processes: string[][] }> {
  if (container.record.restarting && !container.up)
    throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
  if (!container.up) throw notRunning(container.id);
  const args = (psArgs || "-ef").split(/\s+/).filter((each) => each !== "");
  const program = findProgram("ps");
  if (!program) throw internal("Cannot list processes: the program ps is not installed (package procps)", { code: "no-ps" });
  const text = await new Promise<string>((resolve, reject) =>
    execFile(program, args, { maxBuffer: OUTPUT_LIMIT }, (error, stdout, stderr) =>
      // The first line tells why; the rest is ps's usage.
      error ? reject(internal(`ps: ${stderr.trim().split("\n", 1)[0] || error.message}`)) : resolve(stdout),
    ),
  );
  const pids = new Set<string>([String(container.record.pid)]);
  for (const directory of cgroupDirectories(cgroupsPathOf(context, container.record), context.cgroups))
    for (const pid of cgroupPids(directory)) pids.add(String(pid));
  return parsePs(text, pids);
}

/** The rows whose PID column is one of those asked for; the last column keeps its spaces. */
export function parsePs(text: string, pids: ReadonlySet<string>): { Titles: string[]; Processes: string[][] } {
  const [head = "", ...rows] = text.split("\n").filter((line) => line.trim() !== "");
  const Titles = head.trim().split(/\s+/);
  const column = Titles.indexOf("PID");
  if (column < 0) throw invalid("Couldn't find PID field in ps output", { code: "no-pid-column" });
  const Processes = rows.flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    if (!pids.has(fields[column] ?? "")) return [];
    return [[...fields.slice(0, Titles.length - 1), fields.slice(Titles.length - 1).join(" ")]];
  });
  return { Titles, Processes };
}

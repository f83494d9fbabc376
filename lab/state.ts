import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What a host has in its kernel, as sorted lists that can be compared. */
export interface HostState {
  /** `name kind` of each link; numbers in generated names are kept. */
  readonly links: readonly string[];
  /** Mount points, without those of the lab itself. */
  readonly mounts: readonly string[];
  /** Inode names of the network namespaces that processes of the host are in. */
  readonly namespaces: readonly string[];
  /** `pid command` of each process, without the lab's own. */
  readonly processes: readonly string[];
  /** Lines of `nft list ruleset`, without counters. */
  readonly firewall: readonly string[];
  /** Cgroups of the host. */
  readonly cgroups: readonly string[];
}

const SECTION = "\u0001";
const COMMANDS = [
  "ip -o link | sed -E 's/^[0-9]+: ([^:]+): .*/\\1/'",
  "cut -d' ' -f5 /proc/self/mountinfo",
  "nft list ruleset 2>/dev/null | grep -v '^ *counter' || true",
  "cd /sys/fs/cgroup && find . -mindepth 1 -type d",
];

/** Reads the state of the host whose first process is `pid`; `run` runs a shell command in it. */
export async function readHostState(run: (command: string) => Promise<string>, pid: number): Promise<HostState> {
  const output = await run(COMMANDS.map((command) => `(${command})`).join(`; printf '${SECTION}'; `));
  const [links = "", mounts = "", firewall = "", cgroups = ""] = output.split(SECTION);
  const lines = (text: string) =>
    text
      .split("\n")
      .map((line) => line.trimEnd())
      .filter(Boolean)
      .sort();
  const processes = processesOf(readlinkSync(`/proc/${pid}/ns/pid`)).filter((each) => each.pid !== pid && each.command !== "sleep 86400");
  return {
    links: lines(links),
    mounts: lines(mounts),
    namespaces: [...new Set(processes.map((each) => each.netns))].sort(),
    processes: processes.map((each) => `${each.pid} ${each.command}`).sort(),
    firewall: firewall.split("\n").filter(Boolean),
    cgroups: lines(cgroups),
  };
}

interface ProcessFacts {
  pid: number;
  command: string;
  netns: string;
}

/** Processes of one pid namespace, from this side. Those of namespaces below it have other inodes; a container's processes are found by their parent. */
function processesOf(pidNamespace: string): ProcessFacts[] {
  const found: ProcessFacts[] = [];
  const inside = new Set<number>();
  const parents = new Map<number, number>();
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  for (const pid of all) {
    try {
      const status = readFileSync(`/proc/${pid}/stat`, "utf8");
      parents.set(pid, Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]));
      if (readlinkSync(`/proc/${pid}/ns/pid`) === pidNamespace) inside.add(pid);
    } catch {
      // Ended while we looked.
    }
  }
  const belongs = (pid: number): boolean => inside.has(pid) || (parents.has(pid) && belongs(parents.get(pid) ?? 0));
  for (const pid of all) {
    if (!belongs(pid)) continue;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      if (command) found.push({ pid, command, netns: readlinkSync(`/proc/${pid}/task/${newestThread(pid)}/ns/net`) });
    } catch {
      // Ended while we looked.
    }
  }
  return found;
}

/** The thread that tells where a process is: the first one of a daemon, its event loop, is in another's network namespace for moments at a time. */
function newestThread(pid: number): number {
  return Math.max(...readdirSync(`/proc/${pid}/task`).map(Number));
}

/** What `after` has that `before` had not: empty when nothing was leaked. Each line is `kind: thing`. */
export function leaked(before: HostState, after: HostState): string[] {
  const kinds = Object.keys(before) as (keyof HostState)[];
  return kinds.flatMap((kind) => {
    const left = [...before[kind]];
    return after[kind]
      .filter((thing) => {
        const index = left.indexOf(thing);
        if (index < 0) return true;
        left.splice(index, 1);
        return false;
      })
      .map((thing) => `${kind}: ${thing}`);
  });
}

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * Each host of a lab has a cgroup of its own in every hierarchy, and a cgroup namespace in which that is the root: the daemons in it see a whole
 * machine, and nothing they make can be left behind in the real one.
 */
export interface CgroupHierarchy {
  readonly mount: string;
  readonly version: 1 | 2;
  /** Mount options that name it again: `memory`, `cpu,cpuacct`, `none,name=systemd`. */
  readonly options: string;
}

const CONTROLLERS = /^(cpu|cpuacct|cpuset|memory|devices|freezer|blkio|pids|net_cls|net_prio|perf_event|hugetlb|rdma|misc|name=.+)$/;

/** The machine's cgroup hierarchies, from the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export function parseHierarchies(mountinfo: string): CgroupHierarchy[] {
  return mountinfo.split("\n").flatMap((line): CgroupHierarchy[] => {
    const [left = "", right = ""] = line.split(" - ");
    const mount = left.split(" ")[4] ?? "";
    const [type, , options = ""] = right.split(" ");
    if (type === "cgroup2") return [{ mount, version: 2, options: "" }];
    if (type !== "cgroup") return [];
    const controllers = options.split(",").filter((option) => CONTROLLERS.test(option));
    const named = controllers.every((controller) => controller.startsWith("name="));
    return [{ mount, version: 1, options: [...(named ? ["none"] : []), ...controllers].join(",") }];
  });
}

const copyFile = (from: string, to: string, name: string) => {
  if (existsSync(`${from}/${name}`)) writeFileSync(`${to}/${name}`, readFileSync(`${from}/${name}`));
};

/** The cgroups of one lab, one below `name` for each host, in every hierarchy. */
export class LabCgroups {
  readonly name: string;
  readonly hierarchies: readonly CgroupHierarchy[];

  constructor(name: string) {
    this.name = name;
    this.hierarchies = parseHierarchies(readFileSync("/proc/self/mountinfo", "utf8"));
  }

  /** Makes a host's cgroups. @returns the `cgroup.procs` files a process must be written to, to be in them */
  add(host: string): string[] {
    return this.hierarchies.map(({ mount, version }) => {
      const lab = `${mount}/${this.name}`;
      const own = `${lab}/${host}`;
      for (const [parent, child] of [
        [mount, lab],
        [lab, own],
      ] as const) {
        mkdirSync(child, { recursive: true });
        // A new cpuset (v1) is empty, and no process may enter it.
        for (const file of ["cpuset.cpus", "cpuset.mems"]) if (version === 1) copyFile(parent, child, file);
        if (version === 2) enableControllers(parent);
      }
      return `${own}/cgroup.procs`;
    });
  }

  /** Shell commands that mount the hierarchies anew inside a cgroup namespace, over /sys/fs/cgroup. */
  mountScript(): string {
    const only = this.hierarchies.length === 1 ? this.hierarchies[0] : undefined;
    if (only?.version === 2) {
      // cgroup v2 hands controllers only to cgroups without processes of their own, so the host's first process steps aside.
      return "mount -t cgroup2 cgroup2 /sys/fs/cgroup; mkdir -p /sys/fs/cgroup/init; echo 1 >/sys/fs/cgroup/init/cgroup.procs";
    }
    const mounts = this.hierarchies.map(({ mount, version, options }) => {
      const target = `/sys/fs/cgroup/${basename(mount)}`;
      const what = version === 2 ? "-t cgroup2 cgroup2" : `-t cgroup -o ${options} cgroup`;
      return `mkdir -p ${target}; mount ${what} ${target}`;
    });
    return ["mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup", ...mounts].join("; ");
  }

  /** Removes them; a cgroup whose processes are still going away is left. @returns whether all are gone */
  remove(): boolean {
    return this.hierarchies.map(({ mount }) => removeTree(`${mount}/${this.name}`)).every(Boolean);
  }
}

function enableControllers(parent: string): void {
  const available = readFileSync(`${parent}/cgroup.controllers`, "utf8").trim();
  for (const controller of available.split(" ").filter(Boolean)) {
    try {
      writeFileSync(`${parent}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      // Not ours to delegate (the parent has processes): containers run without that limit.
    }
  }
}

function removeTree(directory: string): boolean {
  if (!existsSync(directory)) return true;
  for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeTree(`${directory}/${entry.name}`);
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return !existsSync(directory);
  }
}

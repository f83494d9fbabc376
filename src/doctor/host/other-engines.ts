import { ALIAS_PREFIX } from "#base";
import type { Link } from "#kernel/rtnetlink";
import { type Check, ok } from "../check.ts";
import type { HostFiles } from "./files.ts";

const ENGINES = new Set(["dockerd", "containerd", "podman", "kubelet", "crio"]);

/** Other container engines on this host: allowed, and worth knowing. `namespaceOf` tells the network namespace of a process. */
export function otherEngines(files: HostFiles, links: readonly Link[], namespaceOf: (pid: string) => string | undefined): Check[] {
  const here = namespaceOf("self");
  const found = files.list("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    const name = files.read(`/proc/${pid}/comm`)?.trim() ?? "";
    return ENGINES.has(name) && namespaceOf(pid) === here ? [`${name} (process ${pid})`] : [];
  });
  const docker0 = links.find(({ name }) => name === "docker0");
  const foreign = docker0 !== undefined && !docker0.alias?.startsWith(ALIAS_PREFIX);
  if (found.length === 0 && !foreign) return [ok("other-engines", "No other container engine runs in this network namespace.")];
  const bridge = foreign ? " docker0 is not Fairway's: its default bridge is called fairway0 here." : "";
  const running =
    found.length > 0
      ? `${found.join(", ")} also ${found.length === 1 ? "runs" : "run"} here. Their networks and rules are left alone.`
      : "";
  return [ok("other-engines", `${running}${bridge}`.trim())];
}

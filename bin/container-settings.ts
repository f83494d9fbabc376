import type { ContainersOptions } from "#containers";
import type { DaemonConfig } from "#server";

/** Debian's one, and what containerd calls it. */
const ALIASES: Readonly<Record<string, string>> = { "io.containerd.runc.v2": "runc" };

/** What containers are given unless they say otherwise, from dockerd's flags. */
export function containerSettings({
  containers,
  defaultBridge,
}: DaemonConfig): Pick<ContainersOptions, "runtime" | "seccompProfile" | "defaults"> {
  const optional = (name: string, value: string) => (value === "" ? {} : { [name]: value });
  const { defaultRuntime } = containers;
  const runtime = containers.runtime || containers.runtimes[defaultRuntime]?.path || (ALIASES[defaultRuntime] ?? defaultRuntime);
  return {
    ...optional("runtime", runtime),
    ...optional("seccompProfile", containers.seccompProfile === "builtin" ? "" : containers.seccompProfile),
    defaults: {
      network: defaultBridge.name === "none" ? "none" : "bridge",
      ...optional("cgroupParent", containers.cgroupParent),
      ...optional("cgroupnsMode", containers.cgroupnsMode),
      ...optional("initPath", containers.initPath),
      ...(containers.shmSize > 0 ? { shmSize: containers.shmSize } : {}),
      ipcMode: containers.ipcMode,
      init: containers.init,
      ulimits: Object.entries(containers.ulimits).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })),
      logDriver: containers.logDriver,
      logOptions: containers.logOptions,
      noNewPrivileges: containers.noNewPrivileges,
    },
  };
}

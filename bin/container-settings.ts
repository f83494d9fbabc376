import type { ContainersOptions } from "#containers";
import type { DaemonConfig } from "#server";

/** Debian's one, and what containerd calls it. */
const ALIASES: Readonly<Record<string, string>> = { "io.containerd.runc.v2": "runc" };

/**
 * What containers are given unless they say otherwise, from dockerd's flags.
 * @param current the configuration as it was last reloaded: what the table of options lets SIGHUP change is read from it at each create
 */
export function containerSettings(
  { containers, defaultBridge }: DaemonConfig,
  current: () => DaemonConfig,
): Pick<ContainersOptions, "runtime" | "seccompProfile" | "defaults"> {
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
      ipcMode: containers.ipcMode,
      init: containers.init,
      logDriver: containers.logDriver,
      logOptions: containers.logOptions,
      noNewPrivileges: containers.noNewPrivileges,
      get shmSize() {
        return current().containers.shmSize;
      },
      get ulimits() {
        return Object.entries(current().containers.ulimits).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard }));
      },
    },
  };
}

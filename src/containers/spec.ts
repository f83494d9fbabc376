import type { SandboxView } from "#engine";
import { effectiveCapabilities } from "./caps.ts";
import { processEnv } from "./config.ts";
import { containerDevices } from "./devices.ts";
import { ociMounts } from "./oci-mounts.ts";
import type { ContainerRecord, MountPoint } from "./record.ts";
import { ociResources } from "./resources.ts";
import type { OciSeccomp } from "./seccomp.ts";
import type { ContainerUser } from "./user.ts";

/** `host` shares the daemon's, a path joins another's, undefined makes a new one. */
export type NamespaceChoice = "host" | { readonly path: string } | undefined;

export interface SpecContext {
  readonly rootfs: string;
  readonly sandbox: SandboxView;
  readonly user: ContainerUser;
  readonly namespaces: { readonly pid: NamespaceChoice; readonly ipc: NamespaceChoice };
  /** Where cgroups are made: `/fairway/<id>`. */
  readonly cgroupsPath: string;
  readonly capabilities: readonly string[];
  seccomp(capabilities: readonly string[]): OciSeccomp | undefined;
  sourceOf(mount: MountPoint): string;
  /** A /dev/shm that is shared with others. */
  readonly shmPath: string | undefined;
  /** The binary of `--init`. */
  readonly initPath: string | undefined;
  /** What holds where the container says nothing of it. */
  readonly noNewPrivileges?: boolean | undefined;
  readonly consoleSize?: readonly [number, number] | undefined;
}

export interface OciProcess {
  terminal: boolean;
  consoleSize?: { height: number; width: number };
  user: { uid: number; gid: number; additionalGids: number[] };
  args: string[];
  env: string[];
  cwd: string;
  capabilities?: Record<"bounding" | "effective" | "permitted" | "inheritable" | "ambient", string[]>;
  rlimits?: { type: string; soft: number; hard: number }[];
  noNewPrivileges: boolean;
  oomScoreAdj?: number;
}

/** `--security-opt no-new-privileges[:true|:false]`, or the daemon's own wish. */
export function noNewPrivileges(options: readonly string[] | null | undefined, usual = false): boolean {
  const option = (options ?? []).findLast((each) => each.startsWith("no-new-privileges"));
  return option === undefined ? usual : /^no-new-privileges([:=](true|1|t))?$/i.test(option);
}

/** A process with no uid 0 keeps the bounding set alone, as Docker (since 20.10.14) and the kernel's own rule at execve have it. */
export const capabilitySets = (capabilities: readonly string[], uid: number): OciProcess["capabilities"] & object => ({
  bounding: [...capabilities],
  effective: uid === 0 ? [...capabilities] : [],
  permitted: uid === 0 ? [...capabilities] : [],
  inheritable: [],
  ambient: [],
});

const namespaceEntry = (type: string, choice: NamespaceChoice): { type: string; path?: string }[] =>
  choice === "host" ? [] : [choice ? { type, path: choice.path } : { type }];

/** The strongest propagation that a mount asks of the root. */
function rootPropagation(mounts: readonly MountPoint[]): string | undefined {
  if (mounts.some(({ Propagation: each }) => each === "shared" || each === "rshared")) return "shared";
  return mounts.some(({ Propagation: each }) => each === "slave" || each === "rslave") ? "rslave" : undefined;
}

const DEFAULT_SYSCTLS = { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" };

/** The OCI runtime spec of a container: Docker's defaults and what was asked for. Pure but for looking at device nodes. */
export function runtimeSpec(record: ContainerRecord, context: SpecContext): Record<string, unknown> {
  const { config, hostConfig } = record;
  const capabilities = effectiveCapabilities(
    { add: hostConfig.CapAdd ?? null, drop: hostConfig.CapDrop ?? null, privileged: hostConfig.Privileged ?? false },
    context.capabilities,
  );
  const { devices, rules } = containerDevices(hostConfig);
  const hostUts = hostConfig.UTSMode === "host";
  const hostNetwork = context.sandbox.netnsPath === undefined;
  const hostname = context.sandbox.hostname || (config.Hostname ?? "");
  const privateCgroup = hostConfig.CgroupnsMode === "private";
  const propagation = rootPropagation(record.mounts);
  const command = [record.path, ...record.args];
  const process: OciProcess = {
    terminal: config.Tty ?? false,
    ...(context.consoleSize && config.Tty ? { consoleSize: { height: context.consoleSize[0], width: context.consoleSize[1] } } : {}),
    user: { uid: context.user.uid, gid: context.user.gid, additionalGids: context.user.additionalGids },
    args: context.initPath ? ["/sbin/docker-init", "--", ...command] : command,
    env: processEnv(config, hostname, context.sandbox.environment),
    cwd: config.WorkingDir || "/",
    capabilities: capabilitySets(capabilities, context.user.uid),
    ...(hostConfig.Ulimits?.length
      ? { rlimits: hostConfig.Ulimits.map(({ Name, Soft, Hard }) => ({ type: `RLIMIT_${Name.toUpperCase()}`, soft: Soft, hard: Hard })) }
      : {}),
    noNewPrivileges: noNewPrivileges(hostConfig.SecurityOpt, context.noNewPrivileges),
    oomScoreAdj: hostConfig.OomScoreAdj ?? 0,
  };
  const seccomp = hostConfig.Privileged ? undefined : context.seccomp(capabilities);
  return {
    ociVersion: "1.0.2",
    process,
    root: { path: context.rootfs, readonly: hostConfig.ReadonlyRootfs ?? false },
    ...(hostUts ? {} : { hostname }),
    mounts: ociMounts(record, context),
    ...(hostConfig.Annotations ? { annotations: hostConfig.Annotations } : {}),
    linux: {
      // The namespace is the engine's, made and configured before; the runtime only joins it.
      namespaces: [
        { type: "mount" },
        ...(hostNetwork ? [] : [{ type: "network", path: context.sandbox.netnsPath }]),
        ...(hostUts ? [] : [{ type: "uts" }]),
        ...namespaceEntry("pid", context.namespaces.pid),
        ...namespaceEntry("ipc", context.namespaces.ipc),
        ...(privateCgroup ? [{ type: "cgroup" }] : []),
      ],
      sysctl: { ...(hostNetwork ? {} : DEFAULT_SYSCTLS), ...hostConfig.Sysctls },
      cgroupsPath: context.cgroupsPath,
      resources: ociResources(hostConfig, rules),
      ...(devices.length > 0 ? { devices } : {}),
      ...(seccomp ? { seccomp } : {}),
      ...(propagation ? { rootfsPropagation: propagation } : {}),
      maskedPaths: hostConfig.MaskedPaths ?? [],
      readonlyPaths: hostConfig.ReadonlyPaths ?? [],
    },
  };
}

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { conflict, FairwayError, internal, invalid, messageOf } from "#base";
import type { SandboxView } from "#engine";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, mountFs } from "#kernel/ffi";
import { effectiveCapabilities } from "./caps.ts";
import { ContainerLaunch } from "./conmon.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { initProgram } from "./init-program.ts";
import { logSizeLimit } from "./log-options.ts";
import { holdsDirectory } from "./mounts.ts";
import { isMountPoint, mountRoot, rootPathsOf, unmountRoot } from "./overlay.ts";
import { startTime } from "./proc.ts";
import { checkPropagation } from "./propagation.ts";
import { type ContainerRecord, nowText } from "./record.ts";
import type { Registry } from "./registry.ts";
import { goArch, type SeccompProfile, seccompFor } from "./seccomp.ts";
import { type NamespaceChoice, runtimeSpec } from "./spec.ts";
import { lookupUser, readUserFiles } from "./user.ts";
import { containerMode } from "./validate.ts";

export const cgroupsPathOf = (context: Context, record: ContainerRecord): string =>
  `/${(record.hostConfig.CgroupParent || context.defaults.cgroupParent || "fairway").replace(/^\/+|\/+$/g, "")}/${record.id}`;

const shmPathOf = (container: Container): string => `${container.paths.bundle}/shm`;

/** From record to running process. The caller has written the intent and undoes everything when this throws. */
export async function bringUp(
  context: Context,
  registry: Registry,
  container: Container,
  consoleSize?: readonly [number, number],
): Promise<Partial<ContainerRecord>> {
  const { record, paths } = container;
  const namespaces = joinedNamespaces(registry, container);
  checkNetworkDonor(registry, container);
  mkdirSync(paths.bundle, { recursive: true, mode: 0o711 });
  mkdirSync(paths.directory, { recursive: true, mode: 0o710 });
  const { Tty = false, OpenStdin = false, StdinOnce = false } = record.config;
  const conmon = new ContainerLaunch({
    conmon: context.conmon,
    runtime: context.runtime,
    id: record.id,
    directory: paths.bundle,
    log: logTarget(container),
    exitDir: context.exits.directory,
    tty: Tty,
    stdin: OpenStdin,
    leaveStdinOpen: OpenStdin && (Tty || !StdinOnce),
    ...logLimit(record),
  });
  let sandbox: SandboxView;
  try {
    sandbox = await prepare(context, registry, container, namespaces, consoleSize);
  } catch (error) {
    conmon.abort();
    throw error;
  }
  let launched: { pid: number; conmonPid: number };
  try {
    launched = await conmon.create();
    container.hub.connect(paths.bundle);
    await context.runtime.start(record.id);
  } catch (error) {
    throw startFailure(record, error);
  }
  // The container has its root in a namespace of its own; a mount here would cost every later start: docs/decisions/078-roots-are-not-kept-mounted.md.
  const root = rootPathsOf(paths.directory);
  container.holdRoot(root.merged);
  unmountRoot(root);
  return {
    phase: "running",
    pid: launched.pid,
    pidStart: startTime(launched.pid) ?? "",
    conmonPid: launched.conmonPid,
    conmonStart: startTime(launched.conmonPid) ?? "",
    startedAt: nowText(),
    finishedAt: record.finishedAt,
    exitCode: 0,
    error: "",
    oomKilled: false,
    restarting: false,
    files: { resolvConf: sandbox.resolvConfPath, hosts: sandbox.hostsPath, hostname: sandbox.hostnamePath },
  };
}

/** Everything the runtime needs to find: network, root file system, bundle. */
async function prepare(
  context: Context,
  registry: Registry,
  container: Container,
  namespaces: { pid: NamespaceChoice; ipc: NamespaceChoice },
  consoleSize: readonly [number, number] | undefined,
): Promise<SandboxView> {
  const { record, paths } = container;
  const sandbox = await context.engine.openSandbox(record.id);
  const root = rootPathsOf(paths.directory);
  // Two mounts of one upper directory are undefined behaviour (overlayfs.rst).
  await container.releaseRoot();
  mountRoot(root, context.images.lowerDirs(record.imageId));
  prepareBinds(context, record);
  const spec = runtimeSpec(record, {
    rootfs: root.merged,
    sandbox,
    user: lookupUser(readUserFiles(root.merged), record.config.User ?? "", record.hostConfig.GroupAdd ?? []),
    namespaces,
    cgroupsPath: cgroupsPathOf(context, record),
    capabilities: context.capabilities,
    seccomp: (capabilities) => seccompOf(context, record, capabilities),
    sourceOf: (mount) => (mount.Type === "volume" ? context.volumes.path(mount.Name!) : mount.Source),
    shmPath: sharedMemory(registry, container),
    initPath: (record.hostConfig.Init ?? context.defaults.init) ? initProgram(context.defaults.initPath) : undefined,
    noNewPrivileges: context.defaults.noNewPrivileges,
    consoleSize,
  });
  writeFileSync(`${paths.bundle}/config.json`, JSON.stringify(spec));
  return sandbox;
}

/** The runtime's words, as dockerd wraps them, with the exit code `docker run` gives for them. */
function startFailure(record: ContainerRecord, error: unknown): FairwayError {
  const words = messageOf(error);
  const message = `failed to create task for container: failed to create shim task: OCI runtime create failed: ${words}: unknown`;
  const context = { exitCode: startExitCode(record.path, words) };
  if (context.exitCode === 128) return new FairwayError("internal", message, { code: "start-failed", context, cause: error });
  return invalid(message, { code: "start-failed", context, cause: error });
}

/** 127: no such program, 126: not one that can be run, 128: anything else. */
export function startExitCode(path: string, words: string): number {
  if (words.includes("permission denied")) return 126;
  if (words.includes("not a directory")) return 127;
  if (words.includes(path) && (words.includes("executable file not found") || words.includes("no such file or directory"))) return 127;
  return 128;
}

function logTarget(container: Container): string {
  return container.record.hostConfig.LogConfig?.Type === "none" ? "none" : `k8s-file:${container.paths.log}`;
}

function logLimit(record: ContainerRecord): { logSizeMax?: number } {
  const logSizeMax = logSizeLimit(record.hostConfig.LogConfig?.Config);
  return logSizeMax === undefined ? {} : { logSizeMax };
}

/** A bind's source that may be made is made, as a directory. @throws invalidParameter when there is none */
function prepareBinds(context: Context, record: ContainerRecord): void {
  for (const mount of record.mounts) {
    if (mount.Type === "volume") mkdirSync(context.volumes.path(mount.Name!), { recursive: true });
    if (mount.Type !== "bind") continue;
    if (!existsSync(mount.Source)) {
      if (!mount.options?.BindOptions?.CreateMountpoint)
        throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${mount.Source}`, { code: "bad-mount" });
      mkdirSync(mount.Source, { recursive: true });
    }
    // What holds our own mounts is a slave by our wish, wherever it lies.
    if (!holdsDirectory(mount, context.dataRoot)) checkPropagation(mount);
  }
}

function checkNetworkDonor(registry: Registry, container: Container): void {
  const donorReference = containerMode(container.record.hostConfig.NetworkMode);
  if (donorReference === undefined) return;
  let donor: Container;
  try {
    donor = registry.find(donorReference);
  } catch (error) {
    throw internal(`joining network namespace of container: ${messageOf(error)}`, { code: "no-such-container", cause: error });
  }
  if (donor === container) throw internal("cannot join own network namespace", { code: "self-join" });
  if (donor.record.restarting)
    throw conflict(
      `cannot join network namespace of a restarting container: ${donor.id}: Container ${donor.id} is restarting, wait until the container is running`,
      { code: "restarting" },
    );
  if (!donor.up)
    throw conflict(`cannot join network namespace of a non running container: container ${donor.record.name} is ${donor.status}`, {
      code: "not-running",
    });
}

function joinedNamespaces(registry: Registry, container: Container): { pid: NamespaceChoice; ipc: NamespaceChoice } {
  const choose = (mode: string | undefined, kind: "pid" | "ipc", word: string): NamespaceChoice => {
    if (mode === "host") return "host";
    const reference = containerMode(mode);
    if (reference === undefined) return undefined;
    const donor = registry.find(reference);
    if (!donor.up) throw conflict(`cannot join ${word} of a non running container: ${donor.id}`, { code: "not-running" });
    if (kind === "ipc" && !["shareable", "host"].includes(donor.record.hostConfig.IpcMode ?? "private"))
      throw invalid(`cannot join IPC of container ${reference}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`, {
        code: "private-ipc",
      });
    return { path: `/proc/${donor.record.pid}/ns/${kind}` };
  };
  const { PidMode, IpcMode } = container.record.hostConfig;
  return { pid: choose(PidMode, "pid", "PID namespace"), ipc: choose(IpcMode, "ipc", "IPC namespace") };
}

/** A /dev/shm that others may share is a mount of ours; a private one is the runtime's. */
function sharedMemory(registry: Registry, container: Container): string | undefined {
  const { IpcMode = "private", ShmSize } = container.record.hostConfig;
  if (IpcMode === "host") return "/dev/shm";
  const donor = containerMode(IpcMode);
  if (donor !== undefined) {
    const { paths, record } = registry.find(donor);
    return record.hostConfig.IpcMode === "host" ? "/dev/shm" : `${paths.bundle}/shm`;
  }
  if (IpcMode !== "shareable") return undefined;
  const path = shmPathOf(container);
  mkdirSync(path, { recursive: true });
  if (!isMountPoint(path))
    mountFs({ source: "shm", target: path, type: "tmpfs", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC, data: `mode=1777,size=${ShmSize}` });
  return path;
}

/** `--security-opt seccomp=unconfined|<profile as JSON>`, else the daemon's profile. */
function seccompOf(context: Context, record: ContainerRecord, capabilities: readonly string[]) {
  const option = (record.hostConfig.SecurityOpt ?? []).find((each) => /^seccomp[=:]/.test(each))?.slice("seccomp=".length);
  if (option === "unconfined") return undefined;
  let profile = context.seccompProfile;
  if (option && option !== "builtin") {
    try {
      profile = JSON.parse(option) as SeccompProfile;
    } catch (error) {
      throw invalid(`Decoding seccomp profile failed: ${messageOf(error)}`, { code: "bad-seccomp" });
    }
  }
  return profile ? seccompFor(profile, { arch: goArch(process.arch), kernel: release(), capabilities }) : undefined;
}

/** Capabilities of the container, for a process run in it later. */
export const capabilitiesOf = (context: Context, record: ContainerRecord): string[] =>
  effectiveCapabilities(
    { add: record.hostConfig.CapAdd ?? null, drop: record.hostConfig.CapDrop ?? null, privileged: record.hostConfig.Privileged ?? false },
    context.capabilities,
  );

/** conmon's and the runtime's leftovers of the last run. */
export const clearBundle = (container: Container): void => rmSync(container.paths.bundle, { recursive: true, force: true });

/** Set by conmon when the kernel's OOM killer struck. */
export const sawOom = (container: Container): boolean => existsSync(`${container.paths.bundle}/oom`);

/** The pid conmon wrote for a start that was not finished. */
export function bundlePid(container: Container, file: "pid" | "conmon.pid"): number {
  try {
    return Number(readFileSync(`${container.paths.bundle}/${file}`, "latin1")) || 0;
  } catch {
    return 0;
  }
}

import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { invalid, messageOf, newId, shortId, withContext } from "#base";
import { commandOf, mergeConfig } from "./config.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { fillHostConfig } from "./host-config.ts";
import { holdsDirectory, planMounts } from "./mounts.ts";
import { checkName, randomName } from "./names.ts";
import { mountRoot, rootPathsOf, unmountRoot } from "./overlay.ts";
import { type ContainerRecord, type MountPoint, nowText, ZERO_TIME } from "./record.ts";
import type { Registry } from "./registry.ts";
import { resolveInRoot } from "./rootpath.ts";
import { sandboxSpec } from "./sandbox-spec.ts";
import type { ContainerConfig, ContainerCreateBody, HostConfig } from "./types.ts";
import { containerMode, validateCreate } from "./validate.ts";
import { copyUp, treeSize } from "./volumes.ts";

/** Makes a container's record, volumes and sandbox; nothing runs yet, and no mount stays. */
export async function createContainer(
  context: Context,
  registry: Registry,
  name: string | undefined,
  body: ContainerCreateBody,
): Promise<{ container: Container; warnings: string[] }> {
  const id = newId();
  const reserved = name ? checkName(name) : randomName((candidate) => registry.nameHolder(candidate) !== undefined);
  validateCreate(body);
  const hostConfig = nameDonorById(
    registry,
    fillHostConfig(body.HostConfig ?? {}, { cgroupV2: context.cgroups === "v2", runtime: context.runtime.name, ...context.defaults }),
  );
  if (!body.Image) throw invalid("Config.Image must not be empty: no image was named", { code: "no-image" });
  checkRuntime(context, hostConfig);
  const image = context.images.find(body.Image);
  const config = completeConfig(body, mergeConfig(ownConfig(body), image.config), id);
  checkOthers(registry, hostConfig);
  const plan = planMounts(config, hostConfig, {
    newName: newId,
    from: (reference) => mustFind(registry, reference).record.mounts,
  });
  const command = commandOf(config);
  const record: ContainerRecord = {
    id,
    name: reserved,
    created: nowText(),
    image: body.Image,
    imageId: image.id,
    path: command[0]!,
    args: command.slice(1),
    config,
    hostConfig,
    mounts: plan.mounts.map((mount) => keepOurMountsOut(context.dataRoot, mount)),
    phase: "created",
    pid: 0,
    pidStart: "",
    conmonPid: 0,
    conmonStart: "",
    exitCode: 0,
    error: "",
    oomKilled: false,
    startedAt: ZERO_TIME,
    finishedAt: ZERO_TIME,
    restartCount: 0,
    removing: false,
    restarting: false,
    stoppedByUser: false,
    files: { resolvConf: "", hosts: "", hostname: "" },
  };
  const paths = registry.pathsOf(id);
  const spec = sandboxSpec(record, body.NetworkingConfig, {
    defaultNetwork: context.defaults.network ?? "bridge",
    filesDir: paths.directory,
    sameNetwork: (a, b) => sameNetwork(context, a, b),
    containerId: (reference) => mustFind(registry, reference, `could not get container for ${reference}: `).id,
  });
  registry.reserveName(reserved, id);
  const made: string[] = [];
  try {
    await registry.intend(record);
    mkdirSync(paths.directory, { recursive: true, mode: 0o710 });
    for (const volume of plan.volumes) {
      if (context.volumes.has(volume.name)) continue;
      await context.volumes.create({ ...volume, anonymous: plan.mounts.some(({ Name, anonymous }) => Name === volume.name && anonymous) });
      made.push(volume.name);
    }
    const joined = spec.network.mode === "container" ? donorId(registry, spec.network.containerId) : undefined;
    await context.engine.declareSandbox(joined ? { ...spec, network: { mode: "container", containerId: joined } } : spec);
    try {
      await fillVolumes(context, record, paths.directory);
      return { container: await registry.add(record), warnings: warningsOf(hostConfig, context.cgroups) };
    } catch (error) {
      await context.engine.forgetSandbox(id);
      throw error;
    }
  } catch (error) {
    registry.releaseName(reserved, id);
    for (const volume of made) await context.volumes.remove(volume, [], true).catch(() => {});
    await rm(paths.directory, { recursive: true, force: true });
    await registry.withdraw(id);
    throw error;
  }
}

/** A bind of a directory our own mounts lie in must let their end through, or the container would hold them. */
function keepOurMountsOut(dataRoot: string, mount: MountPoint): MountPoint {
  return holdsDirectory(mount, dataRoot) && mount.Propagation === "rprivate" ? { ...mount, Propagation: "rslave" } : mount;
}

/** `container:web` becomes `container:<id>`, as a rename must not change whose namespace it is. */
function nameDonorById(registry: Registry, hostConfig: HostConfig): HostConfig {
  const donor = containerMode(hostConfig.NetworkMode);
  return donor ? { ...hostConfig, NetworkMode: `container:${donorId(registry, donor)}` } : hostConfig;
}

/** A donor that does not exist is an error of the start. */
function donorId(registry: Registry, reference: string): string {
  try {
    return registry.find(reference).id;
  } catch {
    return reference;
  }
}

function sameNetwork(context: Context, a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return context.engine.findNetwork(a).id === context.engine.findNetwork(b).id;
  } catch {
    return false;
  }
}

/** Config's own fields of a create's body. */
function ownConfig({ HostConfig: _host, NetworkingConfig: _networking, ...config }: ContainerCreateBody): ContainerConfig {
  return config;
}

const CONFIG_DEFAULTS: ContainerConfig = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
};

function completeConfig(body: ContainerCreateBody, merged: ContainerConfig, id: string): ContainerConfig {
  const own = body.Hostname || (body.HostConfig?.NetworkMode === "host" || body.HostConfig?.UTSMode === "host" ? hostname() : shortId(id));
  return { ...CONFIG_DEFAULTS, ...merged, Hostname: own, OnBuild: null, Labels: merged.Labels ?? {} } as ContainerConfig;
}

function checkRuntime(context: Context, hostConfig: HostConfig): void {
  const wanted = hostConfig.Runtime;
  if (wanted && wanted !== context.runtime.name && wanted !== "runc" && wanted !== "io.containerd.runc.v2")
    throw invalid(`Unknown runtime specified ${wanted}`, { code: "unknown-runtime" });
}

/** Containers a create names must be there, save the network's donor. */
function checkOthers(registry: Registry, hostConfig: HostConfig): void {
  for (const mode of [hostConfig.IpcMode, hostConfig.PidMode]) {
    const reference = containerMode(mode);
    if (reference !== undefined) mustFind(registry, reference);
  }
}

/** Another container that a create names. None there is not a 404, which clients take for a missing image. @throws invalidParameter */
function mustFind(registry: Registry, reference: string, before = ""): Container {
  try {
    return registry.find(reference);
  } catch (error) {
    throw invalid(`${before}${messageOf(error)}`, { code: "no-such-container", cause: error });
  }
}

/** Volumes that are new and empty get what the image has at their place, as Docker does at create. */
async function fillVolumes(context: Context, record: ContainerRecord, directory: string): Promise<void> {
  const wanted = record.mounts.filter(({ Type, copyUp: copy }) => Type === "volume" && copy);
  if (wanted.length === 0) return;
  const root = rootPathsOf(directory);
  mountRoot(root, context.images.lowerDirs(record.imageId));
  try {
    for (const mount of wanted) await copyUp(resolveInRoot(root.merged, mount.Destination), context.volumes.path(mount.Name!));
  } catch (error) {
    throw withContext("Cannot fill a volume from the image", error);
  } finally {
    unmountRoot(root);
  }
}

/** What the kernels before and since 5.0 call it. */
const WEIGHT_FILES = ["blkio.weight", "blkio.bfq.weight"];

function warningsOf(hostConfig: HostConfig, cgroups: Context["cgroups"]): string[] {
  const warnings: string[] = [];
  if (hostConfig.NetworkMode === "host" && (Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts))
    warnings.push("Published ports are discarded when using host network mode");
  if (hostConfig.OomKillDisable && !hostConfig.Memory)
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  if (hostConfig.BlkioWeight && cgroups !== "v2" && !WEIGHT_FILES.some((file) => existsSync(`/sys/fs/cgroup/blkio/${file}`)))
    warnings.push("Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.");
  return warnings;
}

/** Bytes a container has written to its root. */
export const writtenSize = (registry: Registry, container: Container): Promise<number> =>
  treeSize(rootPathsOf(registry.pathsOf(container.id).directory).upper);

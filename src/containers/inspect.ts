import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { networkSettingsJson } from "./network-json.ts";
import { rootPathsOf } from "./overlay.ts";
import { shownPorts } from "./port-records.ts";
import type { MountPoint } from "./record.ts";
import { treeSize } from "./volumes.ts";

/** MountPoint of inspect and ps; `--tmpfs` ones are HostConfig's alone. */
export function mountsJson(context: Context, mounts: readonly MountPoint[]): Record<string, unknown>[] {
  return mounts.map(({ Type, Name, Source, Destination, Driver, Mode, RW, Propagation }) => ({
    Type,
    ...(Name ? { Name } : {}),
    Source: Type === "volume" && Name ? context.volumes.path(Name) : Source,
    Destination,
    ...(Driver ? { Driver } : {}),
    Mode,
    RW,
    Propagation,
  }));
}

function stateJson(container: Container): Record<string, unknown> {
  const { record } = container;
  const restarting = record.restarting && !container.up;
  return {
    Status: container.status,
    Running: container.up || restarting,
    Paused: record.phase === "paused",
    Restarting: restarting,
    OOMKilled: record.oomKilled,
    Dead: record.phase === "dead",
    Pid: container.up ? record.pid : 0,
    ExitCode: record.exitCode,
    Error: record.error,
    StartedAt: record.startedAt,
    FinishedAt: record.finishedAt,
    ...(container.health ? { Health: container.health } : {}),
  };
}

/** `docker inspect`: dockerd's object, in its order of fields. */
export async function inspectJson(context: Context, container: Container, size: boolean): Promise<Record<string, unknown>> {
  const { record, paths } = container;
  const root = rootPathsOf(paths.directory);
  const { Config, HostConfig } = shownPorts(record);
  const started = record.files.hosts !== "";
  const execs = [...container.execs.values()].filter(({ running }) => running).map(({ id }) => id);
  const image = size ? imageSize(context, record.imageId) : 0;
  const written = size ? await treeSize(root.upper) : 0;
  let lowers: readonly string[] = [];
  try {
    lowers = context.images.lowerDirs(record.imageId);
  } catch {}
  return {
    Id: record.id,
    Created: record.created,
    Path: record.path,
    Args: record.args,
    State: stateJson(container),
    Image: record.imageId,
    ResolvConfPath: record.files.resolvConf,
    HostnamePath: record.files.hostname,
    HostsPath: record.files.hosts,
    LogPath: started && record.hostConfig.LogConfig?.Type !== "none" ? paths.log : "",
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: execs.length > 0 ? execs : null,
    HostConfig,
    GraphDriver: {
      Data: { LowerDir: lowers.join(":"), MergedDir: container.root, UpperDir: root.upper, WorkDir: root.work },
      Name: "overlay2",
    },
    ...(size ? { SizeRw: written, SizeRootFs: image + written } : {}),
    Mounts: mountsJson(context, record.mounts),
    Config,
    NetworkSettings: networkSettingsJson(context.engine, container, context.defaults.network ?? "bridge"),
  };
}

export function imageSize(context: Context, imageId: string): number {
  try {
    return context.images.find(imageId).size;
  } catch {
    return 0;
  }
}

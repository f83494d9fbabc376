import { invalid } from "#base";
import type { ImageRunConfig } from "#images";
import { keptExposed } from "./port-records.ts";
import type { ContainerConfig, Healthcheck } from "./types.ts";

const keyOf = (entry: string): string => entry.split("=", 1)[0]!;

/** The client's environment first, then what the image adds to it. */
export function mergeEnv(own: readonly string[], image: readonly string[]): string[] {
  const keys = new Set(own.map(keyOf));
  return [...own, ...image.filter((entry) => !keys.has(keyOf(entry)))];
}

/** What a create asked for over what the image says. @throws invalidParameter `No command specified` */
export function mergeConfig(own: ContainerConfig, image: ImageRunConfig): ContainerConfig {
  let entrypoint = own.Entrypoint ?? null;
  let cmd = own.Cmd ?? null;
  // An entrypoint of its own, `--entrypoint ""` included, drops the image's command.
  if (!entrypoint?.length) {
    if (!cmd?.length) cmd = image.Cmd ? [...image.Cmd] : cmd;
    if (own.Entrypoint === undefined || own.Entrypoint === null) entrypoint = image.Entrypoint ? [...image.Entrypoint] : null;
  }
  if (entrypoint?.length === 1 && entrypoint[0] === "") entrypoint = null;
  if (!entrypoint?.length && !cmd?.length) throw invalid("No command specified", { code: "no-command" });
  const exposed = new Set([image.ExposedPorts, own.ExposedPorts].flatMap((ports) => Object.keys(ports ?? {})));
  const volumes = { ...image.Volumes, ...own.Volumes };
  const healthcheck = mergeHealthcheck(own.Healthcheck ?? undefined, image.Healthcheck as Healthcheck | undefined);
  return {
    ...own,
    User: own.User || image.User || "",
    Env: own.Env?.length || image.Env?.length ? mergeEnv(own.Env ?? [], image.Env ?? []) : (own.Env ?? null),
    Cmd: cmd,
    Entrypoint: entrypoint,
    WorkingDir: own.WorkingDir || image.WorkingDir || "",
    Labels: { ...image.Labels, ...own.Labels },
    ...(exposed.size > 0 ? { ExposedPorts: keptExposed([...exposed]) } : {}),
    Volumes: Object.keys(volumes).length > 0 ? volumes : null,
    ...(own.StopSignal || image.StopSignal ? { StopSignal: own.StopSignal || image.StopSignal! } : {}),
    ...(healthcheck ? { Healthcheck: healthcheck } : {}),
    ...(own.Shell || image.Shell ? { Shell: own.Shell ?? [...(image.Shell ?? [])] } : {}),
  };
}

function mergeHealthcheck(own: Healthcheck | undefined, image: Healthcheck | undefined): Healthcheck | undefined {
  if (!own || !image) return own ?? image;
  return {
    Test: own.Test?.length ? own.Test : (image.Test ?? []),
    Interval: own.Interval || image.Interval || 0,
    Timeout: own.Timeout || image.Timeout || 0,
    Retries: own.Retries || image.Retries || 0,
    StartPeriod: own.StartPeriod || image.StartPeriod || 0,
    ...(own.StartInterval || image.StartInterval ? { StartInterval: own.StartInterval || image.StartInterval! } : {}),
  };
}

/** Entrypoint and command as one argument list. */
export const commandOf = (config: ContainerConfig): string[] => [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];

export const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The process's environment: Docker's own, what links add, then the container's, each key once. */
export function processEnv(
  config: ContainerConfig,
  hostname: string,
  links: readonly string[] = [],
  extra: readonly string[] = [],
): string[] {
  const result = new Map<string, string>();
  const base = [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(config.Tty ? ["TERM=xterm"] : []), ...links];
  for (const entry of [...base, ...(config.Env ?? []), ...extra]) {
    // `-e NAME` without a value takes the variable away.
    if (entry.includes("=")) result.set(keyOf(entry), entry);
    else result.delete(entry);
  }
  return [...result.values()];
}

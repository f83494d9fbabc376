import { existsSync } from "node:fs";
import { posix } from "node:path";
import { invalid, notFound } from "#base";
import type { MountPoint } from "./record.ts";
import type { ContainerConfig, HostConfig, MountJson } from "./types.ts";
import { checkVolumeName } from "./volumes.ts";

/** What a create asks to be mounted: volumes still lack a directory, anonymous ones a name. */
export interface MountPlan {
  readonly mounts: readonly MountPoint[];
  /** Volumes to create, with the labels and options of `--mount volume-label,volume-opt`. */
  readonly volumes: readonly PlannedVolume[];
}

interface PlannedVolume {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

const PROPAGATIONS = new Set(["private", "rprivate", "shared", "rshared", "slave", "rslave"]);
const MODES = new Set(["rw", "ro", "z", "Z", "nocopy", "consistent", "cached", "delegated"]);

const bad = (message: string) => invalid(message, { code: "bad-mount" });

/** `src:dst[:mode]`, or one that names a volume. @throws invalidParameter in Docker's words */
export function parseBind(spec: string): MountPoint {
  const parts = spec.split(":");
  if (parts.length > 3 || parts.some((part) => part === "") || parts.length < 2) throw bad(`invalid volume specification: '${spec}'`);
  const [source = "", target = "", modeText = ""] = parts;
  if (!target.startsWith("/"))
    throw bad(
      `invalid volume specification: '${spec}': invalid mount config for type "${source.startsWith("/") ? "bind" : "volume"}": invalid mount path: '${target}' mount path must be absolute`,
    );
  const destination = clean(target);
  if (destination === "/")
    throw bad(
      `invalid volume specification: '${spec}': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    );
  const modes = modeText === "" ? [] : modeText.split(",");
  const propagation = modes.find((mode) => PROPAGATIONS.has(mode)) ?? "";
  if (modes.some((mode) => !MODES.has(mode) && !PROPAGATIONS.has(mode)) || (modes.includes("ro") && modes.includes("rw")))
    throw bad(`invalid mode: ${modeText}`);
  const RW = !modes.includes("ro");
  if (source.startsWith("/"))
    return {
      Type: "bind",
      Source: clean(source),
      Destination: destination,
      Mode: modeText,
      RW,
      Propagation: propagation || "rprivate",
      options: { BindOptions: { CreateMountpoint: true } },
    };
  checkVolumeName(source);
  return {
    Type: "volume",
    Name: source,
    Source: "",
    Destination: destination,
    Driver: "local",
    Mode: modeText || "z",
    RW,
    Propagation: propagation,
    copyUp: !modes.includes("nocopy"),
  };
}

const clean = (path: string): string => {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
};

/** One `--mount`. @throws invalidParameter in Docker's words */
export function parseMount(mount: MountJson): MountPoint {
  const type = mount.Type ?? ("" as const);
  const fail = (text: string) => bad(`invalid mount config for type "${type}": ${text}`);
  const target = mount.Target ?? "";
  if (target === "") throw fail("field Target must not be empty");
  if (!target.startsWith("/")) throw fail(`invalid mount path: '${target}' mount path must be absolute`);
  if (clean(target) === "/") throw fail("invalid specification: destination can't be '/'");
  for (const [field, given] of notSupported(mount)) if (given) throw fail(`field ${field} is not supported`);
  const base = { Destination: clean(target), Mode: "", RW: !mount.ReadOnly };
  if (type === "bind") {
    const source = mount.Source ?? "";
    if (source === "") throw fail("field Source must not be empty");
    if (!source.startsWith("/")) throw fail(`invalid mount path: '${source}' mount path must be absolute`);
    if (mount.VolumeOptions) throw fail("field VolumeOptions must not be specified");
    if (mount.TmpfsOptions) throw fail("field TmpfsOptions must not be specified");
    const propagation = mount.BindOptions?.Propagation || "rprivate";
    if (!PROPAGATIONS.has(propagation)) throw fail(`invalid propagation mode: ${propagation}`);
    if (!mount.BindOptions?.CreateMountpoint && !existsSync(source)) throw fail(`bind source path does not exist: ${source}`);
    return {
      ...base,
      Type: "bind",
      Source: clean(source),
      Propagation: propagation,
      ...(mount.BindOptions ? { options: { BindOptions: mount.BindOptions } } : {}),
    };
  }
  if (type === "volume") {
    if (mount.BindOptions) throw fail("field BindOptions must not be specified");
    if (mount.TmpfsOptions) throw fail("field TmpfsOptions must not be specified");
    const name = mount.Source ?? "";
    if (name !== "") checkVolumeName(name);
    return {
      ...base,
      Mode: "z",
      Type: "volume",
      Name: name,
      Source: "",
      Driver: "local",
      Propagation: "",
      anonymous: name === "",
      copyUp: !mount.VolumeOptions?.NoCopy,
    };
  }
  if (type === "tmpfs") {
    if (mount.BindOptions) throw fail("field BindOptions must not be specified");
    if (mount.VolumeOptions) throw fail("field VolumeOptions must not be specified");
    if (mount.Source) throw fail("field Source must not be specified");
    return {
      ...base,
      Type: "tmpfs",
      Source: "",
      Propagation: "",
      ...(mount.TmpfsOptions ? { options: { TmpfsOptions: mount.TmpfsOptions } } : {}),
    };
  }
  throw fail("mount type unknown");
}

/** What would mount something else than was asked, were it left out in silence. */
const notSupported = ({ BindOptions, VolumeOptions, TmpfsOptions }: MountJson): readonly (readonly [string, unknown])[] => [
  ["BindOptions.ReadOnlyForceRecursive", BindOptions?.ReadOnlyForceRecursive],
  ["VolumeOptions.Subpath", VolumeOptions?.Subpath],
  ["TmpfsOptions.Options", TmpfsOptions?.Options?.length],
];

/** True when a bind's source is the directory or one above it. */
export const holdsDirectory = (mount: MountPoint, directory: string): boolean =>
  mount.Type === "bind" && `${directory}/`.startsWith(mount.Source === "/" ? "/" : `${mount.Source}/`);

/** `container[:ro|rw]` */
export function parseVolumesFrom(spec: string): { container: string; readOnly: boolean } {
  const [container = "", mode = "rw"] = spec.split(":");
  if (container === "") throw bad(`invalid volumes-from specification: ${spec}`);
  if (mode !== "ro" && mode !== "rw") throw bad(`invalid mode for volumes-from: ${mode}`);
  return { container, readOnly: mode === "ro" };
}

/**
 * Everything to mount, in Docker's order of strength: volumes-from, then binds and --mount, then the volumes the image or `-v /path` declares.
 * @param newName names an anonymous volume
 * @throws invalidParameter for bad specs and a destination taken twice
 */
export function planMounts(
  config: ContainerConfig,
  hostConfig: HostConfig,
  parts: { newName(): string; from(container: string): readonly MountPoint[] },
): MountPlan {
  const byDestination = new Map<string, MountPoint>();
  const volumes = new Map<string, PlannedVolume>();
  for (const spec of hostConfig.VolumesFrom ?? []) {
    const { container, readOnly } = parseVolumesFrom(spec);
    for (const mount of parts.from(container))
      if (mount.Type !== "tmpfs") byDestination.set(mount.Destination, { ...mount, RW: mount.RW && !readOnly, anonymous: false });
  }
  const explicit = new Set<string>();
  const add = (mount: MountPoint, { Labels: labels = {}, DriverConfig }: MountJson["VolumeOptions"] & object = {}) => {
    if (explicit.has(mount.Destination)) throw bad(`Duplicate mount point: ${mount.Destination}`);
    explicit.add(mount.Destination);
    if (mount.Type === "volume") {
      const name = mount.Name || parts.newName();
      const driver = DriverConfig?.Name || hostConfig.VolumeDriver || "local";
      if (driver !== "local")
        throw notFound(`error looking up volume plugin ${driver}: plugin "${driver}" not found`, { code: "no-volume-driver" });
      volumes.set(name, { name, driver, labels, options: DriverConfig?.Options ?? {} });
      byDestination.set(mount.Destination, { ...mount, Name: name });
    } else byDestination.set(mount.Destination, mount);
  };
  for (const spec of hostConfig.Binds ?? []) add(parseBind(spec));
  for (const mount of hostConfig.Mounts ?? []) add(parseMount(mount), mount.VolumeOptions);
  for (const path of Object.keys(hostConfig.Tmpfs ?? {})) {
    if (!path.startsWith("/")) throw bad(`invalid mount path: '${path}' mount path must be absolute`);
    if (explicit.has(clean(path))) throw bad(`Duplicate mount point: ${path}`);
    explicit.add(clean(path));
    byDestination.delete(clean(path));
  }
  for (const path of Object.keys(config.Volumes ?? {})) {
    if (!path.startsWith("/")) throw bad(`invalid mount path: '${path}' mount path must be absolute`);
    if (clean(path) === "/") throw bad("invalid volume specification: destination can't be '/'");
    if (!byDestination.has(clean(path)) && !explicit.has(clean(path)))
      add({
        Type: "volume",
        Source: "",
        Destination: clean(path),
        Driver: "local",
        Mode: "",
        RW: true,
        Propagation: "",
        anonymous: true,
        copyUp: true,
      });
  }
  return { mounts: [...byDestination.values()], volumes: [...volumes.values()] };
}

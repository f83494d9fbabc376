import type { ImageRunConfig, ImageView } from "./types.ts";

/** Which API the client speaks: the `x` of `1.x`. */
export interface RenderOptions {
  readonly minor: number;
}

const seconds = (created: string): number => {
  const time = Date.parse(created);
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000);
};

const noTime = "0001-01-01T00:00:00Z";

/**
 * An element of `GET /images/json` (ImageSummary). `containers` and `sharedSize` are -1 unless they were asked for. Before 1.43 an image without names
 * carries `<none>:<none>`; before 1.44 VirtualSize repeats Size.
 */
export function imageSummaryJson(
  view: ImageView,
  options: RenderOptions & { readonly containers?: number; readonly sharedSize?: number },
): Record<string, unknown> {
  const nameless = view.repoTags.length === 0 && view.repoDigests.length === 0;
  const old = options.minor < 43;
  return {
    Containers: options.containers ?? -1,
    Created: seconds(view.created),
    Id: view.id,
    Labels: view.config.Labels ?? null,
    ParentId: view.parent,
    RepoDigests: nameless && old ? ["<none>@<none>"] : old && view.repoDigests.length === 0 ? null : view.repoDigests,
    RepoTags: nameless && old ? ["<none>:<none>"] : old && view.repoTags.length === 0 ? null : view.repoTags,
    SharedSize: options.sharedSize ?? -1,
    Size: view.size,
    ...(options.minor < 44 ? { VirtualSize: view.size } : {}),
  };
}

/** Fields a client before API 1.50 finds in every image's config: those of a container's. */
const CONTAINER_FIELDS = {
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
  OnBuild: null,
  Labels: null,
};

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

function configJson(config: ImageRunConfig, minor: number): Record<string, unknown> {
  if (minor < 50) return { ...CONTAINER_FIELDS, ...config };
  const own = Object.entries(config).filter(([field, value]) => !isEmpty(value) && !["Hostname", "Domainname", "Image"].includes(field));
  return Object.fromEntries(own);
}

/**
 * `GET /images/{name}/json` (ImageInspect). `directories` are the unpacked layers, topmost first. Container and ContainerConfig went with 1.45,
 * VirtualSize with 1.44, the fields of a container's config with 1.50.
 */
export function imageInspectJson(
  view: ImageView,
  options: RenderOptions & { readonly directories: readonly string[] },
): Record<string, unknown> {
  const { minor } = options;
  const [upper, ...lower] = options.directories;
  const undated = view.created === noTime;
  return {
    Id: view.id,
    RepoTags: view.repoTags,
    RepoDigests: view.repoDigests,
    Parent: view.parent,
    Comment: view.comment,
    ...(undated && minor >= 44 ? {} : { Created: view.created }),
    ...(minor < 45 ? { Container: "", ContainerConfig: { ...CONTAINER_FIELDS, ...view.containerConfig } } : {}),
    DockerVersion: view.dockerVersion,
    Author: view.author,
    Config: configJson(view.config, minor),
    Architecture: view.architecture,
    ...(view.variant === undefined ? {} : { Variant: view.variant }),
    Os: view.os,
    ...(view.osVersion === undefined ? {} : { OsVersion: view.osVersion }),
    Size: view.size,
    ...(minor < 44 ? { VirtualSize: view.size } : {}),
    GraphDriver: {
      Data: { ...(lower.length === 0 ? {} : { LowerDir: lower.join(":") }), ...(upper === undefined ? {} : { UpperDir: upper }) },
      Name: "overlay2",
    },
    RootFS: { Type: "layers", ...(view.layers.length === 0 ? {} : { Layers: view.layers }) },
    Metadata: view.lastTagTime === undefined && minor >= 44 ? {} : { LastTagTime: view.lastTagTime ?? noTime },
  };
}

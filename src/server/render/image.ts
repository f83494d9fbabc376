import { atLeast, type OpenJson } from "#api";
import type { ImageView } from "#images";

const virtualSize = (image: ImageView, version: string): OpenJson => (atLeast(version, "1.44") ? {} : { VirtualSize: image.size });

/** A line of `GET /images/json`. `containers` is -1 where nobody counted. */
export function imageSummaryJson(image: ImageView, containers: number, version: string): OpenJson {
  return {
    Containers: containers,
    Created: Math.floor(Date.parse(image.created) / 1000) || 0,
    Id: image.id,
    Labels: image.config.Labels ?? null,
    ParentId: image.parent,
    RepoDigests: image.repoDigests,
    RepoTags: image.repoTags,
    SharedSize: -1,
    Size: image.size,
    ...virtualSize(image, version),
  };
}

/** `GET /images/{name}/json`. Before API 1.44 `VirtualSize` repeats `Size`. */
export function imageInspectJson(image: ImageView, version: string): OpenJson {
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Parent: image.parent,
    Comment: image.comment,
    Created: image.created,
    DockerVersion: image.dockerVersion,
    Author: image.author,
    Config: image.config,
    Architecture: image.architecture,
    ...(image.variant ? { Variant: image.variant } : {}),
    Os: image.os,
    ...(image.osVersion ? { OsVersion: image.osVersion } : {}),
    Size: image.size,
    ...virtualSize(image, version),
    GraphDriver: { Name: "overlay2", Data: null },
    RootFS: { Type: "layers", Layers: image.layers },
    Metadata: { LastTagTime: image.lastTagTime ?? "0001-01-01T00:00:00Z" },
  };
}

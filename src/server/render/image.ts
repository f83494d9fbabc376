import type { OpenJson } from "#api";
import type { ImageView } from "#images";

/** A line of `GET /images/json`. `containers` is -1 where nobody counted. */
export function imageSummaryJson(image: ImageView, containers: number): OpenJson {
  return {
    Containers: containers,
    Created: Math.floor(Date.parse(image.created) / 1000) || 0,
    Id: image.id,
    Labels: image.config.Labels ?? null,
    ParentId: "",
    RepoDigests: image.repoDigests,
    RepoTags: image.repoTags,
    SharedSize: -1,
    Size: image.size,
  };
}

/** `GET /images/{name}/json`. Before API 1.44 `VirtualSize` repeats `Size`. */
export function imageInspectJson(image: ImageView, options: { virtualSize: boolean }): OpenJson {
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Parent: "",
    Comment: image.comment,
    Created: image.created,
    DockerVersion: "",
    Author: image.author,
    Config: image.config,
    Architecture: image.architecture,
    Os: image.os,
    Size: image.size,
    ...(options.virtualSize ? { VirtualSize: image.size } : {}),
    GraphDriver: { Name: "overlay2", Data: null },
    RootFS: { Type: "layers", Layers: image.layers },
    Metadata: { LastTagTime: "0001-01-01T00:00:00Z" },
  };
}

import type { OpenJson } from "#api";
import { invalid } from "#base";
import type { HandlerContext } from "../types.ts";
import { imageSummaryJson } from "./image.ts";

const TYPES = ["container", "image", "volume", "build-cache"];

/** `GET /system/df`. An empty list of types means all. @throws invalidParameter for a type nobody knows */
export async function diskUsage(
  context: Pick<HandlerContext, "containers" | "images" | "volumes">,
  types: readonly string[],
): Promise<OpenJson> {
  for (const type of types) if (!TYPES.includes(type)) throw invalid(`unknown object type: ${type}`, { code: "bad-type" });
  const wants = (type: string) => types.length === 0 || types.includes(type);
  const { containers, images, volumes } = context;
  const all = images.list();
  return {
    ...(wants("image")
      ? {
          LayersSize: all.reduce((total, image) => total + image.size, 0),
          Images: all.map((image) => ({ ...imageSummaryJson(image, containers.usersOfImage(image.id).length), SharedSize: 0 })),
        }
      : {}),
    ...(wants("container") ? { Containers: await containers.list({ all: true, size: true, filters: {} }) } : {}),
    ...(wants("volume") ? { Volumes: (await volumes?.list()) ?? [] } : {}),
    ...(wants("build-cache") ? { BuildCache: [], BuilderSize: 0 } : {}),
  };
}

import { atLeast, minorOf, type OpenJson } from "#api";
import { invalid } from "#base";
import { imageSummaryJson } from "#images";
import type { HandlerContext } from "../types.ts";
import { volumeJson } from "./volume.ts";

const TYPES = ["container", "image", "volume", "build-cache"];

type Doors = Pick<HandlerContext, "containers" | "images" | "volumes">;

/** `GET /system/df`. An empty list of types means all. @throws invalidParameter for a type nobody knows */
export async function diskUsage(doors: Doors, types: readonly string[], version: string): Promise<OpenJson> {
  for (const type of types) if (!TYPES.includes(type)) throw invalid(`unknown object type: ${type}`, { code: "bad-type" });
  const wants = (type: string) => types.length === 0 || types.includes(type);
  const { containers, images } = doors;
  const all = images.list();
  const imageLine = (image: (typeof all)[number]) =>
    imageSummaryJson(image, { minor: minorOf(version), containers: containers.usersOfImage(image.id).length, sharedSize: 0 });
  return {
    ...(wants("image") ? { LayersSize: all.reduce((total, image) => total + image.size, 0), Images: all.map(imageLine) } : {}),
    ...(wants("container") ? { Containers: await containers.list({ all: true, size: true, filters: {} }) } : {}),
    ...(wants("volume") ? { Volumes: await volumeLines(doors) } : {}),
    // API 1.42 made an empty cache a list.
    ...(wants("build-cache") ? { BuildCache: atLeast(version, "1.42") ? [] : null, BuilderSize: 0 } : {}),
  };
}

const volumeLines = ({ volumes, containers }: Doors) =>
  Promise.all(
    (volumes?.list() ?? []).map(async (volume) => ({
      ...volumeJson(volume),
      // -1 is Docker's "not known".
      UsageData: { Size: (await volumes?.size?.(volume.name)) ?? -1, RefCount: containers.usersOfVolume?.(volume.name).length ?? -1 },
    })),
  );

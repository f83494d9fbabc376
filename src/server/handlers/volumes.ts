import type { VolumeJson } from "#api";
import { atLeast } from "#api";
import { notImplemented } from "#base";
import { booleanFilter, checkFilters, matchesExactly, matchesLabels, matchesText } from "../filters.ts";
import type { Handlers } from "../handlers.ts";
import type { HandlerContext, Volumes } from "../types.ts";

type VolumeHandlers = Pick<Handlers, "volumeList" | "volumeCreate" | "volumeInspect" | "volumeDelete" | "volumePrune">;

/** Anonymous volumes carry this label; from API 1.42 on prune takes only those unless `all` is asked for. */
const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

export function volumeHandlers({ volumes }: HandlerContext): VolumeHandlers {
  const door = (): Volumes => {
    if (!volumes) throw notImplemented("volumes are not supported yet");
    return volumes;
  };
  return {
    async volumeList({ query: { filters } }) {
      checkFilters(filters, ["dangling", "driver", "label", "name"]);
      if (!volumes) return { Volumes: [], Warnings: null };
      const dangling = booleanFilter(filters, "dangling");
      const used = dangling === undefined ? undefined : volumes.inUse();
      const wanted = (volume: VolumeJson) =>
        matchesExactly(volume.Driver, filters.driver) &&
        matchesText(volume.Name, filters.name) &&
        matchesLabels(volume.Labels ?? {}, filters.label) &&
        (used === undefined || used.has(volume.Name) !== dangling);
      return { Volumes: (await volumes.list()).filter(wanted), Warnings: null };
    },
    async volumeCreate({ body }) {
      return door().create({
        ...(body.Name ? { name: body.Name } : {}),
        ...(body.Driver ? { driver: body.Driver } : {}),
        ...(body.DriverOpts ? { options: body.DriverOpts } : {}),
        ...(body.Labels ? { labels: body.Labels } : {}),
      });
    },
    volumeInspect: async ({ params }) => door().inspect(params.name!),
    volumeDelete: async ({ params, query }) => door().remove(params.name!, { force: query.force }),
    async volumePrune({ query: { filters }, version }) {
      checkFilters(filters, ["all", "label", "label!"]);
      if (!volumes) return { VolumesDeleted: [], SpaceReclaimed: 0 };
      const all = booleanFilter(filters, "all") ?? !atLeast(version, "1.42");
      const barred = filters["label!"] ?? [];
      const { deleted, bytes } = await volumes.prune(
        ({ Labels }) =>
          (!all && !Object.hasOwn(Labels ?? {}, ANONYMOUS_LABEL)) ||
          !matchesLabels(Labels ?? {}, filters.label) ||
          (barred.length > 0 && matchesLabels(Labels ?? {}, barred)),
      );
      return { VolumesDeleted: deleted, SpaceReclaimed: bytes };
    },
  };
}

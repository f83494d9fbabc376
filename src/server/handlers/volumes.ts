import { atLeast } from "#api";
import { notImplemented } from "#base";
import { booleanFilter, checkFilters, matchesExactly, matchesLabels, matchesText } from "../filters.ts";
import type { Handlers } from "../handlers.ts";
import { onePruneAtATime } from "../prune.ts";
import { volumeJson } from "../render/volume.ts";
import type { HandlerContext, VolumeDoor, VolumeFacts } from "../types.ts";

type VolumeHandlers = Pick<Handlers, "volumeList" | "volumeCreate" | "volumeInspect" | "volumeDelete" | "volumePrune">;

export function volumeHandlers({ volumes, containers, events }: HandlerContext): VolumeHandlers {
  const prune = onePruneAtATime();
  const door = (): VolumeDoor => {
    if (!volumes) throw notImplemented("volumes are not supported yet");
    return volumes;
  };
  const users = (name: string) => containers.usersOfVolume?.(name) ?? [];
  const publish = (action: "create" | "destroy", id: string) =>
    events.publish({ type: "volume", action, id, attributes: { driver: "local" } });
  return {
    async volumeList({ query: { filters } }) {
      checkFilters(filters, ["dangling", "driver", "label", "name"]);
      const dangling = booleanFilter(filters, "dangling");
      const wanted = (volume: VolumeFacts) =>
        matchesExactly(volume.driver, filters.driver) &&
        matchesText(volume.name, filters.name) &&
        matchesLabels(volume.labels, filters.label) &&
        (dangling === undefined || dangling === (users(volume.name).length === 0));
      return { Volumes: (volumes?.list() ?? []).filter(wanted).map(volumeJson), Warnings: null };
    },
    async volumeCreate({ body }) {
      const existed = body.Name !== undefined && door().has(body.Name);
      const volume = await door().create({
        ...(body.Name ? { name: body.Name } : {}),
        ...(body.Driver ? { driver: body.Driver } : {}),
        ...(body.DriverOpts ? { options: body.DriverOpts } : {}),
        ...(body.Labels ? { labels: body.Labels } : {}),
      });
      if (!existed) publish("create", volume.name);
      return volumeJson(volume);
    },
    volumeInspect: async ({ params }) => volumeJson(door().find(params.name!)),
    async volumeDelete({ params, query }) {
      const name = params.name!;
      const existed = door().has(name);
      await door().remove(name, users(name), query.force);
      if (existed) publish("destroy", name);
    },
    async volumePrune({ query: { filters }, version }) {
      checkFilters(filters, ["all", "label", "label!"]);
      // API 1.42 began to spare volumes that someone named.
      const all = booleanFilter(filters, "all") ?? !atLeast(version, "1.42");
      const barred = filters["label!"] ?? [];
      const wanted = ({ name, anonymous, labels }: VolumeFacts) =>
        (all || anonymous) &&
        matchesLabels(labels, filters.label) &&
        !(barred.length > 0 && matchesLabels(labels, barred)) &&
        users(name).length === 0;
      return prune(async () => {
        const deleted: string[] = [];
        let bytes = 0;
        for (const { name } of (volumes?.list() ?? []).filter(wanted)) {
          const size = (await volumes?.size?.(name)) ?? 0;
          await door().remove(name, users(name));
          publish("destroy", name);
          deleted.push(name);
          bytes += size;
        }
        events.pruned("volume", bytes);
        return { VolumesDeleted: deleted, SpaceReclaimed: bytes };
      });
    },
  };
}

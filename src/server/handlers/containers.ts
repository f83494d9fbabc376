import { atLeast } from "#api";
import { invalid } from "#base";
import type { ContainerCreateBody, HostConfig } from "#containers";
import { checkPlatform } from "#images";
import { downgradeInspect, downgradeRow, upgradeCreateBody } from "../container-shims.ts";
import { checkFilters } from "../filters.ts";
import type { Handlers } from "../handlers.ts";
import { onePruneAtATime } from "../prune.ts";
import type { HandlerContext } from "../types.ts";

type ContainerHandlers = Pick<
  Handlers,
  | "containerList"
  | "containerCreate"
  | "containerInspect"
  | "containerTop"
  | "containerStart"
  | "containerStop"
  | "containerRestart"
  | "containerKill"
  | "containerUpdate"
  | "containerRename"
  | "containerPause"
  | "containerUnpause"
  | "containerResize"
  | "containerDelete"
  | "containerPrune"
>;

/** Lifecycle of containers. */
export function containerHandlers({ containers, images, events }: HandlerContext): ContainerHandlers {
  const prune = onePruneAtATime();
  return {
    async containerList({ query: { all, limit, size, filters }, version }) {
      const list = { all: all || (limit ?? 0) > 0, size, filters };
      const rows = await containers.list(limit !== undefined && limit > 0 ? { ...list, limit } : list);
      return rows.map((row) => downgradeRow(row, version));
    },
    async containerCreate({ body, query, version }) {
      if (Object.keys(body).length === 0) throw invalid("config cannot be empty in order to create a container", { code: "empty-config" });
      if (query.platform && body.Image) checkPlatform(images.find(body.Image), body.Image, query.platform);
      const upgraded = upgradeCreateBody(body as ContainerCreateBody, version);
      const created = await containers.create(query.name || undefined, upgraded.body);
      return { Id: created.Id, Warnings: [...upgraded.warnings, ...created.Warnings] };
    },
    containerInspect: async ({ params, query, version }) =>
      downgradeInspect(await containers.inspect(params.id!, { size: query.size }), version),
    containerTop: async ({ params, query }) => containers.top(params.id!, query.ps_args || "-ef"),
    containerStart: async ({ params, query }) => containers.start(params.id!, query.detachKeys ? { detachKeys: query.detachKeys } : {}),
    containerStop: async ({ params, query }) => containers.stop(params.id!, stopping(query)),
    containerRestart: async ({ params, query }) => containers.restart(params.id!, stopping(query)),
    containerKill: async ({ params, query }) => containers.kill(params.id!, query.signal || "SIGKILL"),
    containerUpdate: async ({ params, body }) => containers.update(params.id!, body as Partial<HostConfig>),
    containerRename: async ({ params, query }) => containers.rename(params.id!, query.name ?? ""),
    containerPause: async ({ params }) => containers.pause(params.id!),
    containerUnpause: async ({ params }) => containers.unpause(params.id!),
    containerResize: async ({ params, query }) => containers.resize(params.id!, cells(query.h), cells(query.w)),
    containerDelete: async ({ params, query }) => containers.remove(params.id!, { force: query.force, volumes: query.v, link: query.link }),
    async containerPrune({ query: { filters }, version }) {
      if (atLeast(version, "1.25")) checkFilters(filters, ["label", "label!", "until"]);
      return prune(async () => {
        const pruned = await containers.prune(filters);
        events.pruned("container", pruned.SpaceReclaimed);
        return pruned;
      });
    },
  };
}

const stopping = (query: { signal: string | undefined; t: number | undefined }) => ({
  ...(query.signal ? { signal: query.signal } : {}),
  ...(query.t === undefined ? {} : { timeout: query.t }),
});

/** A terminal's rows or columns. @throws invalidParameter as Go's Atoi */
export function cells(text: string | undefined): number {
  if (text === undefined || !/^\d{1,9}$/.test(text)) throw invalid(`strconv.Atoi: parsing ${JSON.stringify(text ?? "")}: invalid syntax`);
  return Number(text);
}

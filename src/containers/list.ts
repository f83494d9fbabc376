import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { containerTests } from "./filters.ts";
import { imageSize, mountsJson } from "./inspect.ts";
import { networksJson, portRows, sandboxOf } from "./network-json.ts";
import { rootPathsOf } from "./overlay.ts";
import type { Registry } from "./registry.ts";
import { statusText } from "./status-text.ts";
import type { ContainerListOptions } from "./types.ts";
import { treeSize } from "./volumes.ts";

/** The rows of `docker ps`, newest first. */
export async function listJson(context: Context, registry: Registry, options: ContainerListOptions): Promise<Record<string, unknown>[]> {
  const tests = containerTests(context, registry, options.filters);
  const limit = options.limit && options.limit > 0 ? options.limit : undefined;
  const all = options.all || limit !== undefined || (options.filters.status?.length ?? 0) > 0;
  const chosen = registry
    .all()
    .filter((container) => (all || container.up || container.record.restarting) && tests.every((test) => test(container)))
    .sort((a, b) => (a.record.created < b.record.created ? 1 : a.record.created > b.record.created ? -1 : 0))
    .slice(0, limit);
  return Promise.all(chosen.map((container) => row(context, container, options.size ?? false)));
}

async function row(context: Context, container: Container, size: boolean): Promise<Record<string, unknown>> {
  const { record, paths } = container;
  const state = sandboxOf(context.engine, record.id);
  const written = size ? await treeSize(rootPathsOf(paths.directory).upper) : 0;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: imageName(context, container),
    ImageID: record.imageId,
    Command: [record.path, ...record.args.map((argument) => (argument.includes(" ") ? `'${argument}'` : argument))].join(" "),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: portRows(state),
    ...(size ? { SizeRw: written, SizeRootFs: imageSize(context, record.imageId) + written } : {}),
    Labels: record.config.Labels ?? {},
    State: container.status,
    Status: statusText(container),
    HostConfig: { NetworkMode: record.hostConfig.NetworkMode },
    NetworkSettings: { Networks: asRow(networksJson(container, state)) },
    Mounts: mountsJson(context, record.mounts),
  };
}

/** What was asked of an endpoint is inspect's to tell. */
const asRow = (networks: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => [
      name,
      { ...(endpoint as object), Aliases: null, Links: null, DriverOpts: null, DNSNames: null },
    ]),
  );

/** As the client named it while that still means the same image, else its id. */
function imageName(context: Context, { record }: Container): string {
  try {
    return context.images.find(record.image).id === record.imageId ? record.image : record.imageId;
  } catch {
    return record.imageId;
  }
}

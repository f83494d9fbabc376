const ZERO_TIME = "0001-01-01T00:00:00Z";

/** What differs between two runs of any daemon, replaced by what it stands for: ids, times, process ids, the daemon's directories. */
export function normalise(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  const names = [...ids].map(([handle, id]) => [id, handle] as const);
  const text = (given: string): string => {
    if (given === ZERO_TIME) return given;
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(given)) return "<time>";
    let replaced = given;
    for (const [id, handle] of names) {
      replaced = replaced.replaceAll(id, `<${handle}>`).replaceAll(id.slice(0, 12), `<${handle}:12>`);
    }
    return replaced
      .replace(/\b[0-9a-f]{64}\b/g, "<id>")
      .replace(/^\/.*\/containers\//, "<data>/containers/")
      .replace(/^\/.*\/netns\/[0-9a-f]{12}$/, "<exec>/netns/<id:12>")
      .replace(/^\/.*\/netns\/default$/, "<exec>/netns/default");
  };
  const walk = (given: unknown, key: string): unknown => {
    if (typeof given === "string") return text(given);
    if (typeof given === "number") return (key === "Pid" && given > 0) || (key === "Created" && given > 1e9) ? `<${key}>` : given;
    // Bindings of one port are a set.
    if (Array.isArray(given)) {
      const list = given.map((entry) => walk(entry, key));
      return /^\d+\/(tcp|udp)$/.test(key) ? sorted(list) : list;
    }
    if (typeof given !== "object" || given === null) return given;
    return Object.fromEntries(Object.entries(given).map(([name, entry]) => [text(name), walk(entry, name)]));
  };
  return walk(value, "");
}

/** Lists whose order means nothing, brought in order. */
export function sortLists(kind: string, body: unknown): unknown {
  const byName = (list: unknown) =>
    Array.isArray(list) ? [...list].sort((a, b) => (JSON.stringify(nameOf(a)) < JSON.stringify(nameOf(b)) ? -1 : 1)) : list;
  if (kind === "network list") return byName(body);
  if (kind === "container list" && Array.isArray(body))
    return byName(
      body.map((row) => ({
        ...row,
        Ports: sorted(row.Ports),
        Status: String(row.Status).replace(/\d+ \w+|Less than a second|About an? \w+/, "<while>"),
      })),
    );
  if (kind === "network prune") {
    const { NetworksDeleted: list } = body as { NetworksDeleted: string[] | null };
    return { ...(body as object), NetworksDeleted: sorted(list) };
  }
  return body;
}

const nameOf = (entry: unknown) => (entry as { Name?: unknown; Names?: unknown }).Name ?? (entry as { Names?: unknown }).Names;
const sorted = <T>(list: T[] | null): T[] | null =>
  list ? [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : list;

export interface Unequal {
  /** `HostConfig.Dns[0]`; empty for the whole. */
  readonly path: string;
  /** undefined when it is not there. */
  readonly ours: unknown;
  readonly theirs: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Where two normalised values differ, as deep as they have the same shape. */
export function compare(ours: unknown, theirs: unknown, path = ""): Unequal[] {
  if (isObject(ours) && isObject(theirs)) {
    const keys = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
    return keys.flatMap((key) => compare(ours[key], theirs[key], path === "" ? key : `${path}.${key}`));
  }
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length) {
    return ours.flatMap((entry, index) => compare(entry, theirs[index], `${path}[${index}]`));
  }
  return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [{ path, ours, theirs }];
}

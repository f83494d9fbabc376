import type { EventJson, Filters } from "#api";
import { nowNano } from "#base";
import { checkFilters, matchesLabels } from "./filters.ts";
import { nanosOf } from "./json.ts";
import type { ServerDependencies } from "./types.ts";

/** How many past events `since` can reach back to; moby keeps 256. */
const RING_SIZE = 1024;
/** A client that reads slower than this many events behind is cut off, so that it cannot hold the daemon's memory. */
const BACKLOG_LIMIT = 8192;

const FILTERS = ["container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "service", "type", "volume"];

interface NewEvent {
  readonly type: "container" | "image" | "network" | "volume" | "builder" | "daemon";
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeNano?: bigint;
}

function eventJson(event: NewEvent, timeNano: bigint): EventJson {
  const legacy = { status: event.action, id: event.id };
  const image = event.type === "container" ? { from: event.attributes.image ?? "" } : {};
  return {
    ...(event.type === "container" || event.type === "image" ? { ...legacy, ...image } : {}),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: "local",
    time: Number(timeNano / 1_000_000_000n),
    timeNano,
  };
}

/** Brings the events of every room into one stream, in Docker's form, and remembers the last ones. */
export class EventHub {
  readonly #ring: EventJson[] = [];
  readonly #listeners = new Set<(event: EventJson) => void>();
  readonly #sources: (() => void)[] = [];
  readonly #now: () => Date;

  constructor({ engine, containers, images, now }: Pick<ServerDependencies, "engine" | "containers" | "images" | "now">) {
    this.#now = now ?? (() => new Date());
    this.#sources.push(
      engine.onEvent(({ action, networkId, attributes, timeNano }) =>
        this.publish({ type: "network", action, id: networkId, attributes, timeNano }),
      ),
      containers.onEvent(({ action, containerId, attributes, timeNano }) =>
        this.publish({ type: "container", action, id: containerId, attributes, timeNano }),
      ),
      images.onEvent(({ action, id, attributes }) => this.publish({ type: "image", action, id, attributes })),
    );
  }

  publish(event: NewEvent): void {
    const json = eventJson(event, event.timeNano ?? nowNano());
    this.#ring.push(json);
    if (this.#ring.length > RING_SIZE) this.#ring.shift();
    for (const listener of this.#listeners) listener(json);
  }

  /** What follows every prune, found something or not. */
  pruned(type: NewEvent["type"], bytes: number): void {
    this.publish({ type, action: "prune", id: "", attributes: { reclaimed: String(bytes) } });
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Past events from `since` on, then live ones, until `until` has passed or the signal. Times are nanoseconds since the epoch. */
  async *stream(options: { since?: bigint; until?: bigint; filters: Filters; signal: AbortSignal }): AsyncGenerator<EventJson> {
    const { since, until, filters, signal } = options;
    const queue: EventJson[] = [];
    let wake = () => {};
    const take = (event: EventJson) => {
      if (queue.length < BACKLOG_LIMIT && matches(event, filters)) queue.push(event);
      wake();
    };
    const over = new AbortController();
    const stop = () => over.abort();
    over.signal.addEventListener("abort", () => wake());
    signal.addEventListener("abort", stop);
    const timer = until === undefined ? undefined : this.#at(until, stop);
    this.#listeners.add(take);
    try {
      if (since !== undefined || until !== undefined)
        for (const event of [...this.#ring])
          if (BigInt(event.timeNano) >= (since ?? 0n) && (until === undefined || BigInt(event.timeNano) <= until)) take(event);
      for (;;) {
        while (queue.length > 0) {
          if (queue.length >= BACKLOG_LIMIT) return;
          yield queue.shift()!;
        }
        if (over.signal.aborted || signal.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      this.#listeners.delete(take);
    }
  }

  close(): void {
    for (const unsubscribe of this.#sources) unsubscribe();
    this.#listeners.clear();
  }

  #at(until: bigint, action: () => void): NodeJS.Timeout | undefined {
    const wait = Number((until - nanosOf(this.#now())) / 1_000_000n);
    if (wait <= 0) {
      action();
      return undefined;
    }
    // setTimeout holds 31 bits of milliseconds; a later end is as good as none.
    return wait > 0x7fffffff ? undefined : setTimeout(action, wait);
  }
}

/** Refuses filters that events do not have. @throws invalidParameter */
export const checkEventFilters = (filters: Filters): void => checkFilters(filters, FILTERS);

/** `repo` of `repo:tag`: what an image filter without a tag matches. */
const withoutTag = (name: string): string => name.replace(/:[^/:]*$/, "").replace(/@.*$/, "");

function matches(event: EventJson, filters: Filters): boolean {
  const { ID: id, Attributes: attributes } = event.Actor;
  const name = attributes.name ?? "";
  const wanted = (key: string) => (filters[key]?.length ? filters[key] : undefined);
  const byObject = (type: string, candidates: readonly string[]) => {
    const values = wanted(type);
    if (values === undefined) return true;
    // A beginning of id or name is enough, as with moby.
    if (event.Type === type) return values.some((value) => value !== "" && candidates.some((candidate) => candidate.startsWith(value)));
    return type === "container" && event.Type === "network" && values.some((value) => attributes.container?.startsWith(value));
  };
  const images = [id, name, attributes.image ?? ""];
  const image = wanted("image");
  return (
    (wanted("type")?.includes(event.Type) ?? true) &&
    (wanted("event")?.some((value) => event.Action === value || event.Action.startsWith(`${value}:`)) ?? true) &&
    (wanted("scope")?.includes(event.scope) ?? true) &&
    matchesLabels(attributes, wanted("label")) &&
    byObject("container", [id, name]) &&
    byObject("network", [id, name]) &&
    byObject("volume", [id, name]) &&
    byObject("daemon", [id, name]) &&
    (image === undefined ||
      ((event.Type === "image" || event.Type === "container") &&
        image.some((value) => images.some((candidate) => candidate === value || withoutTag(candidate) === value))))
  );
}

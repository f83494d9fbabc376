import { invalid } from "#base";
import { momentOf, pathPattern } from "./go-text.ts";
import type { Images, ImageView } from "./types.ts";

/** Filter name → values, decoded from either JSON form. */
export type ImageFilters = Readonly<Record<string, readonly string[]>>;

type Condition = (image: ImageView) => boolean;

function checkNames(filters: ImageFilters, accepted: readonly string[]) {
  for (const name of Object.keys(filters))
    if (!accepted.includes(name)) throw invalid(`invalid filter '${name}'`, { code: "bad-filter", context: { name } });
}

function flag(filters: ImageFilters, name: string): boolean | undefined {
  const values = filters[name];
  if (values === undefined || values.length === 0) return undefined;
  const meanings = new Set(values.map((value) => ({ true: true, "1": true, false: false, "0": false })[value]));
  if (meanings.size !== 1 || meanings.has(undefined))
    throw invalid(`invalid filter '${name}=[${values.join(" ")}]'`, { code: "bad-filter", context: { name, values } });
  return meanings.has(true);
}

/** `key` asks for the label, `key=value` for its value. */
function hasLabel(image: ImageView, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const value = image.config.Labels?.[equals < 0 ? wanted : wanted.slice(0, equals)];
  return equals < 0 ? value !== undefined : value === wanted.slice(equals + 1);
}

const hasLabels =
  (wanted: readonly string[]): Condition =>
  (image) =>
    wanted.every((label) => hasLabel(image, label));

const made = (image: ImageView) => Date.parse(image.created) || 0;

/** Moments of an `until` filter: one at most. */
function until(filters: ImageFilters, now: number): Condition {
  const values = filters.until ?? [];
  if (values.length > 1) throw invalid("more than one until filter specified", { code: "bad-filter" });
  const moment = values[0] === undefined ? Number.POSITIVE_INFINITY : momentOf(values[0], now);
  return (image) => made(image) < moment;
}

/** The familiar name without tag or digest. */
const nameOnly = (reference: string): string => reference.replace(/@.*$/, "").replace(/:[^:/]*$/, "");

/** Keeps the names that match a `reference` filter; the pattern is held against the name with and without its tag. */
function narrowed(image: ImageView, patterns: readonly ((text: string) => boolean)[]): ImageView {
  if (patterns.length === 0) return image;
  const fits = (reference: string) => patterns.some((matches) => matches(reference) || matches(nameOnly(reference)));
  return { ...image, repoTags: image.repoTags.filter(fits), repoDigests: image.repoDigests.filter(fits) };
}

/**
 * What `GET /images/json` lists, newest first: filters dangling, label, reference, before, since and until. Without `all`, nameless images that
 * others were built from are left out.
 * @throws invalidParameter for a filter that is unknown or has a bad value; notFound for the image of before or since
 */
export function selectImages(
  images: Images,
  options: { readonly all: boolean; readonly filters: ImageFilters; readonly now?: number },
): readonly ImageView[] {
  const { filters } = options;
  checkNames(filters, ["dangling", "label", "reference", "before", "since", "until"]);
  const dangling = flag(filters, "dangling");
  const patterns = (filters.reference ?? []).map(pathPattern);
  const before = (filters.before ?? []).map((reference) => made(images.find(reference)));
  const since = (filters.since ?? []).map((reference) => made(images.find(reference)));
  const conditions = [hasLabels(filters.label ?? []), until(filters, options.now ?? Date.now())];
  const all = images.list();
  const parents = new Set(all.map((image) => image.parent));
  return all
    .filter((image) => conditions.every((holds) => holds(image)))
    .filter((image) => before.every((moment) => made(image) < moment) && since.every((moment) => made(image) > moment))
    .map((image) => narrowed(image, patterns))
    .filter((image) => {
      if (image.repoTags.length > 0) return dangling !== true;
      if (image.repoDigests.length > 0) return true;
      return patterns.length === 0 && dangling !== false && (options.all || !parents.has(image.id));
    });
}

/** What a prune's filters (dangling, until, label, label!) ask for. @throws invalidParameter */
export function pruneConditions(
  filters: ImageFilters,
  now: number = Date.now(),
): { readonly all: boolean; matches(image: ImageView): boolean } {
  checkNames(filters, ["dangling", "until", "label", "label!"]);
  const conditions = [
    hasLabels(filters.label ?? []),
    until(filters, now),
    (image: ImageView) => !(filters["label!"] ?? []).some((label) => hasLabel(image, label)),
  ];
  return { all: flag(filters, "dangling") === false, matches: (image) => conditions.every((holds) => holds(image)) };
}

import type { Filters } from "#api";
import { atLeast } from "#api";
import { invalid } from "#base";
import type { Images, ImageView } from "#images";
import { booleanFilter, checkFilters, matchesLabels, untilFilter } from "./filters.ts";

/** The predicate of `docker images --filter`. @throws invalidParameter, or notFound for before/since */
export function imageListFilter(filters: Filters, images: Images, now: Date): (image: ImageView) => boolean {
  checkFilters(filters, ["before", "dangling", "label", "reference", "since", "until"]);
  const dangling = booleanFilter(filters, "dangling");
  const until = untilFilter(filters, now);
  const before = boundary(filters.before, images);
  const since = boundary(filters.since, images);
  const references = filters.reference ?? [];
  return (image) => {
    const created = Date.parse(image.created);
    return (
      (dangling === undefined || dangling === (image.repoTags.length === 0)) &&
      matchesLabels(image.config.Labels ?? {}, filters.label) &&
      (until === undefined || created <= until) &&
      (before === undefined || created < before) &&
      (since === undefined || created > since) &&
      (references.length === 0 || references.some((pattern) => image.repoTags.some((tag) => matchesReference(pattern, tag))))
    );
  };
}

function boundary(values: readonly string[] | undefined, images: Images): number | undefined {
  const reference = values?.[0];
  return reference === undefined ? undefined : Date.parse(images.find(reference).created);
}

/** Go's path.Match on `name`, `name:tag` or the last part of it: `*` and `?` stop at a slash. */
export function matchesReference(pattern: string, tag: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  let expression: RegExp;
  try {
    expression = new RegExp(`^${source}$`);
  } catch {
    throw invalid(`invalid filter 'reference': ${JSON.stringify(pattern)}: syntax error in pattern`, { code: "bad-filter" });
  }
  const name = tag.replace(/:[^/:]*$/, "");
  return expression.test(tag) || expression.test(name);
}

/** Images `docker image prune` would look at: dangling ones, or all of them. @throws invalidParameter */
export function pruneSelection(filters: Filters, version: string, now: Date): { all: boolean; matches?: (image: ImageView) => boolean } {
  checkFilters(filters, ["dangling", "label", "label!", "until"]);
  const dangling = booleanFilter(filters, "dangling") ?? true;
  const until = untilFilter(filters, now);
  const barred = filters["label!"] ?? [];
  if (barred.length === 0 && until === undefined && !filters.label?.length) return { all: !dangling };
  if (!atLeast(version, "1.28") && until !== undefined) throw invalid("invalid filter 'until'", { code: "bad-filter" });
  return {
    all: !dangling,
    matches: (image) =>
      matchesLabels(image.config.Labels ?? {}, filters.label) &&
      !(barred.length > 0 && matchesLabels(image.config.Labels ?? {}, barred)) &&
      (until === undefined || Date.parse(image.created) <= until),
  };
}

import type { Filters } from "#api";
import { FairwayError, invalid } from "#base";
import type { NetworkView } from "#engine";
import { booleanFilter, checkFilters, matchesExactly, matchesLabels, matchesText, untilFilter } from "./filters.ts";

const LIST_FILTERS = ["dangling", "driver", "id", "label", "name", "scope", "type"];
const PRUNE_FILTERS = ["label", "label!", "until"];

/** The predicate of `docker network ls --filter`. `used` holds ids of networks that a container refers to. @throws in Docker's words */
export function networkListFilter(filters: Filters): (network: NetworkView) => boolean {
  checkFilters(filters, LIST_FILTERS);
  const dangling = booleanFilter(filters, "dangling");
  const types = filters.type ?? [];
  // moby leaves this error untyped, hence the 500.
  for (const type of types)
    if (type !== "custom" && type !== "builtin")
      throw new FairwayError("internal", `invalid filter: 'type'='${type}'`, { code: "bad-filter" });
  return (network) =>
    matchesExactly(network.driver, filters.driver) &&
    matchesText(network.id, filters.id) &&
    matchesText(network.name, filters.name) &&
    matchesLabels(network.labels, filters.label) &&
    matchesExactly(network.scope, filters.scope) &&
    (types.length === 0 || types.includes(network.predefined ? "builtin" : "custom")) &&
    (dangling === undefined || dangling === (!network.predefined && network.endpoints.length === 0));
}

/** Which networks `docker network prune` keeps. @throws invalidParameter */
export function networkPruneKeep(filters: Filters, now: Date): (network: NetworkView) => boolean {
  checkFilters(filters, PRUNE_FILTERS);
  const until = untilFilter(filters, now);
  const barred = filters["label!"] ?? [];
  if (filters.label?.includes("")) throw invalid("invalid filter 'label'");
  return (network) =>
    !matchesLabels(network.labels, filters.label) ||
    (barred.length > 0 && matchesLabels(network.labels, barred)) ||
    (until !== undefined && Date.parse(network.created) > until);
}

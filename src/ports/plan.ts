import { type Family, familyOf, invalid } from "#base";
import { parseHostIp, parseHostPort, parsePort } from "./parse.ts";
import { ANY4, ANY6, anyOf, type PortBinding, type PortRange, type PortRequest, type Protocol, type PublishedPort } from "./types.ts";

export interface PortWishes {
  /** HostConfig.PortBindings; an empty or missing list stands for one ephemeral binding, as in Docker. */
  readonly bindings: Readonly<Record<string, readonly PortBinding[] | null>>;
  /** Exposed ports, `80/tcp`; published on ephemeral ports when `publishAll`. */
  readonly exposed?: readonly string[];
  readonly publishAll?: boolean;
  /** Where bindings without an address go: `0.0.0.0` is every address of both families, anything else only itself. */
  readonly defaultHostIp?: string;
  /** The host can listen on IPv6; without, a binding to every address is IPv4 only. True unless given. */
  readonly ipv6?: boolean;
}

/**
 * What a container asks to be published, as few requests as possible: neighbouring one-to-one bindings are one range again, whichever way a client
 * took them apart. Requests come in the order they must be served: exact ports first, so that no choice takes what another binding named.
 * @throws invalidParameter, code `bad-port` or `bad-ip`
 */
export function planPorts(wishes: PortWishes): readonly PortRequest[] {
  const addresses = hostAddresses(wishes);
  const exact: PortRequest[] = [];
  const chosen: PortRequest[] = [];
  for (const [key, bindings] of Object.entries(wishes.bindings)) {
    const port = parsePort(key);
    for (const { hostIp, hostPort } of bindings?.length ? bindings : [{ hostIp: "", hostPort: "" }]) {
      const request = requestOf(key, port, addresses(hostIp), parseHostPort(hostPort));
      (request.host.kind === "exact" ? exact : chosen).push(request);
    }
  }
  if (wishes.publishAll) chosen.push(...exposedRequests(wishes, addresses("")));
  const rank = { exact: 0, first: 1, ephemeral: 2 };
  return [...mergeRanges(exact), ...chosen.sort((a, b) => rank[a.host.kind] - rank[b.host.kind])];
}

/** Checks bindings for form only: what container create does. @throws invalidParameter */
export function validatePorts(wishes: Pick<PortWishes, "bindings" | "exposed">): void {
  planPorts(wishes);
  for (const text of wishes.exposed ?? []) parsePort(text);
}

/**
 * Routed gateway mode: nothing is bound, the container's ports are merely open, and shown without a host port.
 * @param families those whose gateway mode is routed
 */
export function routedPorts(requests: readonly PortRequest[], families: readonly Family[]): readonly PublishedPort[] {
  const ports = new Map<string, PublishedPort>();
  for (const { proto, containerPort, count, hostIps } of requests)
    for (const family of families) {
      if (!hostIps.some((ip) => familyOf(ip) === family)) continue;
      const port = { proto, hostIp: anyOf(family), hostPort: 0, hostPortEnd: count - 1, containerPort };
      ports.set(`${proto} ${family} ${containerPort} ${count}`, Object.freeze(port));
    }
  return [...ports.values()];
}

function requestOf(
  key: string,
  { proto, from, to }: PortRange & { proto: Protocol },
  hostIps: readonly string[],
  host: PortRange | undefined,
): PortRequest {
  const count = to - from + 1;
  const base = { proto, containerPort: from, count, hostIps };
  if (host && host.to - host.from + 1 === count) return { ...base, host: { kind: "exact", from: host.from } };
  // Docker knows no ranges as keys; one to one they say what eleven bindings say, otherwise they say nothing.
  if (count > 1)
    throw invalid(`invalid port specification: ${JSON.stringify(key.split("/")[0])}`, { code: "bad-port", context: { value: key } });
  return { ...base, host: host ? { kind: "first", from: host.from, to: host.to } : { kind: "ephemeral" } };
}

function* exposedRequests({ bindings, exposed = [] }: PortWishes, hostIps: readonly string[]): Generator<PortRequest> {
  const taken = new Set<string>();
  const mark = (text: string): string[] => {
    const { proto, from, to } = parsePort(text);
    const fresh: string[] = [];
    for (let port = from; port <= to; port++) if (!taken.has(`${port}/${proto}`)) fresh.push(`${port}/${proto}`);
    for (const name of fresh) taken.add(name);
    return fresh;
  };
  for (const key of Object.keys(bindings)) mark(key);
  for (const text of exposed)
    for (const name of mark(text)) {
      const { proto, from } = parsePort(name);
      yield { proto, containerPort: from, count: 1, hostIps, host: { kind: "ephemeral" } };
    }
}

/** Host address as given → the addresses to bind; one array an address, so that requests of the same one share it. */
function hostAddresses({ defaultHostIp = ANY4, ipv6 = true }: PortWishes): (given: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  const unspecified = parseHostIp(defaultHostIp);
  const fallback = unspecified === ANY4 && ipv6 ? [ANY4, ANY6] : [unspecified];
  return (given) => {
    let addresses = known.get(given);
    if (!addresses) known.set(given, (addresses = given === "" ? fallback : [parseHostIp(given)]));
    return addresses;
  };
}

function mergeRanges(requests: readonly PortRequest[]): PortRequest[] {
  const groups = new Map<string, { from: number; containerPort: number; request: PortRequest }[]>();
  const nameOf = new Map<readonly string[], string>();
  for (const request of requests) {
    if (request.host.kind !== "exact") continue;
    let name = nameOf.get(request.hostIps);
    if (name === undefined) nameOf.set(request.hostIps, (name = request.hostIps.join(" ")));
    const key = `${request.proto} ${name}`;
    let group = groups.get(key);
    if (!group) groups.set(key, (group = []));
    group.push({ from: request.host.from, containerPort: request.containerPort, request });
  }
  const merged: PortRequest[] = [];
  for (const group of groups.values()) {
    group.sort((a, b) => a.from - b.from || a.containerPort - b.containerPort);
    let start = group[0]!;
    let count = 0;
    const flush = () => merged.push({ ...start.request, count, host: { kind: "exact", from: start.from } });
    for (const next of group) {
      const offset = next.from - start.from;
      const sameLine = next.containerPort - start.containerPort === offset;
      // Said twice is said once; `offset <= count` holds for what repeats or continues the range.
      if (sameLine && offset <= count) count = Math.max(count, offset + next.request.count);
      else {
        flush();
        [start, count] = [next, next.request.count];
      }
    }
    flush();
  }
  return merged;
}

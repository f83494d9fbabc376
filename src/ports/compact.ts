import { parseHostPort, parsePort } from "./parse.ts";
import type { PortBinding, PortRange, Protocol } from "./types.ts";

/** Shorter runs stay as they came: they are what people read in records. */
const WORTH_IT = 16;

interface Run extends PortRange {
  readonly proto: Protocol;
  readonly hostIp: string;
  /** Host port of the first; 0 for exposed ports. */
  readonly host: number;
}

const textOf = ({ proto, from, to }: PortRange & { proto: Protocol }): string => `${from === to ? from : `${from}-${to}`}/${proto}`;

/**
 * Bindings with long one-to-one ranges said as ranges, `"20000-36383/udp" → 20000-36383`: clients send one binding a port, and what is kept, written
 * to disk and planned from then on is one. Bindings that are no such range stay as they are, as does what cannot be parsed.
 */
export function compactBindings(entries: readonly (readonly [string, readonly PortBinding[]])[]): Record<string, readonly PortBinding[]> {
  if (entries.length < WORTH_IT) return Object.fromEntries(entries);
  const runs: Run[] = [];
  const kept: (readonly [string, readonly PortBinding[]])[] = [];
  for (const [key, list] of entries) {
    const run = list.length === 1 ? runOf(key, list[0]!) : undefined;
    if (run) runs.push(run);
    else kept.push([key, list]);
  }
  for (const run of joined(runs)) {
    if (run.to - run.from + 1 >= WORTH_IT) {
      kept.push([textOf(run), [{ hostIp: run.hostIp, hostPort: `${run.host}-${run.host + run.to - run.from}` }]]);
      continue;
    }
    for (let port = run.from; port <= run.to; port++)
      kept.push([`${port}/${run.proto}`, [{ hostIp: run.hostIp, hostPort: String(run.host + port - run.from) }]]);
  }
  return Object.fromEntries(kept);
}

/** What `compactBindings()` was given, in another order. */
export function expandBindings(bindings: Readonly<Record<string, readonly PortBinding[]>>): Record<string, readonly PortBinding[]> {
  const expanded: [string, readonly PortBinding[]][] = [];
  for (const [key, list] of Object.entries(bindings)) {
    const { proto, from, to } = parsePort(key);
    if (from === to) expanded.push([key, list]);
    else
      for (let offset = 0; offset <= to - from; offset++)
        expanded.push([
          `${from + offset}/${proto}`,
          list.map(({ hostIp, hostPort }) => ({ hostIp, hostPort: String(Number.parseInt(hostPort, 10) + offset) })),
        ]);
  }
  return Object.fromEntries(expanded);
}

/** `compactBindings()` for exposed ports. */
export function compactExposed(exposed: readonly string[]): readonly string[] {
  if (exposed.length < WORTH_IT) return exposed;
  return joined(exposed.map((text) => ({ ...parsePort(text), hostIp: "", host: 0 }))).map(textOf);
}

/** `8000-8002/tcp` → its ports, one by one. */
export function expandPort(text: string): { readonly port: number; readonly proto: Protocol }[] {
  const { proto, from, to } = parsePort(text);
  return Array.from({ length: to - from + 1 }, (_, index) => ({ port: from + index, proto }));
}

function runOf(key: string, { hostIp, hostPort }: PortBinding): Run | undefined {
  const { proto, from, to } = parsePort(key);
  const host = parseHostPort(hostPort);
  return host && host.to - host.from === to - from ? { proto, from, to, hostIp, host: host.from } : undefined;
}

/** Runs that go on where another ends, at both sides, as one. */
function joined(runs: readonly Run[]): Run[] {
  const groups = Map.groupBy(runs, ({ proto, hostIp }) => `${proto} ${hostIp}`);
  return [...groups.values()].flatMap(joinedOfGroup);
}

function joinedOfGroup(runs: Run[]): Run[] {
  const found: Run[] = [];
  for (const run of runs.sort((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    const follows = last && last.to + 1 === run.from && (run.host === 0 || last.host + run.from - last.from === run.host);
    if (follows) found[found.length - 1] = { ...last, to: run.to };
    else found.push(run);
  }
  return found;
}

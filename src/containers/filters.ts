import { invalid } from "#base";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { sandboxOf } from "./network-json.ts";
import type { Registry } from "./registry.ts";

type Filters = Readonly<Record<string, readonly string[]>>;
type Test = (container: Container) => boolean;

const KNOWN = new Set(
  "id name label status exited ancestor before since network publish expose health volume is-task isolation".split(" "),
);
const STATUSES = new Set(["created", "running", "paused", "restarting", "removing", "exited", "dead"]);
const HEALTHS = new Set(["starting", "healthy", "unhealthy", "none"]);

const invalidFilter = (key: string, value?: string) =>
  invalid(value === undefined ? `invalid filter '${key}'` : `invalid filter '${key}=${value}'`, {
    code: "bad-filter",
    context: { key, value },
  });

/** `k` or `k=v`, all of them. */
export function matchesLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[]): boolean {
  return wanted.every((text) => {
    const equals = text.indexOf("=");
    return equals < 0 ? text in labels : labels[text.slice(0, equals)] === text.slice(equals + 1);
  });
}

/** A filter's name may be part of the name, or a regular expression, with or without the slash. */
function nameTest(pattern: string): Test {
  let expression: RegExp | undefined;
  try {
    expression = new RegExp(pattern);
  } catch {}
  return ({ record: { name } }) =>
    name === pattern || `/${name}` === pattern || (expression?.test(`/${name}`) ?? false) || (expression?.test(name) ?? false);
}

/** `80`, `80/udp`, `8000-8010/tcp` */
function portTest(key: string, text: string): (port: number, protocol: string) => boolean {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (!match) throw invalidFilter(key, text);
  const [start, end] = [Number(match[1]), Number(match[2] ?? match[1])];
  return (port, protocol) => port >= start && port <= end && protocol === (match[3] ?? "tcp");
}

/** One test for each filter given; a container shows when all hold. @throws invalidParameter for an unknown filter or value */
export function containerTests(context: Context, registry: Registry, filters: Filters): Test[] {
  const tests: Test[] = [];
  for (const [key, values] of Object.entries(filters)) {
    if (!KNOWN.has(key)) throw invalidFilter(key);
    if (values.length > 0) tests.push(testFor(context, registry, key, values));
  }
  return tests;
}

function testFor(context: Context, registry: Registry, key: string, values: readonly string[]): Test {
  const any = (make: (value: string) => Test): Test => {
    const each = values.map(make);
    return (container) => each.some((test) => test(container));
  };
  switch (key) {
    case "id":
      return any(
        (value) =>
          ({ id }) =>
            id.startsWith(value),
      );
    case "name":
      return any(nameTest);
    case "label":
      return ({ record }) => matchesLabels(record.config.Labels ?? {}, values);
    case "status":
      for (const value of values) if (!STATUSES.has(value)) throw invalidFilter(key, value);
      return ({ status }) => values.includes(status);
    case "exited":
      for (const value of values) if (!/^-?\d+$/.test(value)) throw invalidFilter(key, value);
      return (container) => container.record.phase === "exited" && values.includes(String(container.record.exitCode));
    case "health":
      for (const value of values) if (!HEALTHS.has(value)) throw invalidFilter(key, value);
      return ({ health }) => values.includes(health?.Status ?? "none");
    case "before":
    case "since": {
      const than = registry.find(values[0]!).record.created;
      return ({ record }) => (key === "before" ? record.created < than : record.created > than);
    }
    case "ancestor":
      return any((value) => ancestorTest(context, value));
    case "volume":
      return any(
        (value) =>
          ({ record }) =>
            record.mounts.some(({ Name, Destination, Source }) => [Name, Destination, Source].includes(value)),
      );
    case "network":
      return any((value) => networkTest(context, value));
    case "publish":
    case "expose":
      return any((value) => portsTest(context, key, value));
    case "is-task": {
      const wanted = values.map((value) => {
        if (!["true", "false", "1", "0"].includes(value)) throw invalidFilter(key, value);
        return value === "true" || value === "1";
      });
      return () => wanted.includes(false);
    }
    default:
      return () => true;
  }
}

function ancestorTest(context: Context, reference: string): Test {
  let layers: readonly string[];
  let id: string;
  try {
    ({ id, layers } = context.images.find(reference));
  } catch {
    return () => false;
  }
  const memo = new Map<string, boolean>();
  const descends = (imageId: string): boolean => {
    if (imageId === id) return true;
    let own: readonly string[];
    try {
      own = context.images.find(imageId).layers;
    } catch {
      return false;
    }
    return layers.length > 0 && layers.every((layer, index) => own[index] === layer);
  };
  return ({ record }) => {
    if (!memo.has(record.imageId)) memo.set(record.imageId, descends(record.imageId));
    return memo.get(record.imageId)!;
  };
}

function networkTest(context: Context, reference: string): Test {
  return (container) => {
    const { hostConfig } = container.record;
    if (hostConfig.NetworkMode === reference) return true;
    return sandboxOf(context.engine, container.id).endpoints.some(
      ({ networkName, networkId }) => networkName === reference || (networkId !== "" && networkId.startsWith(reference)),
    );
  };
}

function portsTest(context: Context, key: "publish" | "expose", value: string): Test {
  const matches = portTest(key, value);
  const test = (port: string): boolean => {
    const [number = "0", protocol = "tcp"] = port.split("/");
    return matches(Number(number), protocol);
  };
  // Docker's rule: what runs exposes its ports.
  if (key === "expose") return ({ id }) => Object.keys(sandboxOf(context.engine, id).ports).some(test);
  return (container) =>
    Object.entries(sandboxOf(context.engine, container.id).ports).some(([port, bindings]) =>
      (bindings ?? []).some(({ hostPort }) => matches(Number(hostPort), port.split("/")[1] ?? "tcp")),
    );
}

import type { AnyEndpoint, Params } from "./endpoint.ts";

export type RouteResult<Name extends string> =
  | { readonly found: "endpoint"; readonly name: Name; readonly endpoint: AnyEndpoint; readonly params: Params }
  /** The path is known, with other methods. */
  | { readonly found: "methods"; readonly allow: readonly string[] }
  | { readonly found: "nothing" };

interface Route<Name> {
  readonly name: Name;
  readonly endpoint: AnyEndpoint;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

function compile<Name>(name: Name, endpoint: AnyEndpoint): Route<Name> {
  const names: string[] = [];
  const pattern = endpoint.path.replace(/\{(\w+)\}|[.*+?^$()|[\]\\]/g, (whole, parameter: string | undefined) => {
    if (parameter === undefined) return `\\${whole}`;
    names.push(parameter);
    return "(.+)";
  });
  return { name, endpoint, pattern: new RegExp(`^${pattern}/?$`, "s"), names };
}

/** Finds endpoints by method and decoded path. Paths without parameters win over those with. */
export class Router<Name extends string> {
  readonly #byHead = new Map<string, Route<Name>[]>();

  constructor(table: Readonly<Record<Name, AnyEndpoint>>) {
    const routes = (Object.keys(table) as Name[]).map((name) => compile(name, table[name]));
    routes.sort((a, b) => a.names.length - b.names.length || b.endpoint.path.length - a.endpoint.path.length);
    for (const route of routes) {
      const head = headOf(route.endpoint.path);
      const list = this.#byHead.get(head);
      if (list) list.push(route);
      else this.#byHead.set(head, [route]);
    }
  }

  find(method: string, path: string): RouteResult<Name> {
    const allow: string[] = [];
    for (const { name, endpoint, pattern, names } of this.#byHead.get(headOf(path)) ?? []) {
      const match = pattern.exec(path);
      if (!match) continue;
      if (endpoint.method !== method) allow.push(endpoint.method);
      else return { found: "endpoint", name, endpoint, params: Object.fromEntries(names.map((key, index) => [key, match[index + 1]!])) };
    }
    return allow.length > 0 ? { found: "methods", allow: [...new Set(allow)] } : { found: "nothing" };
  }
}

const headOf = (path: string): string => path.split("/", 2)[1] ?? "";

/**
 * One request of a sequence. In `path` and `body`, `{C0}` stands for the id of what the operation with handle C0 made, and `{C0:12}` for its first 12
 * digits: ids differ from daemon to daemon. `{~C}` and `{~N}` stand for a prefix that several ids have.
 */
export interface Operation {
  /** What is compared and which differences may apply: `network inspect`, `container start`… */
  readonly kind: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Sent as it is in place of `body`. */
  readonly raw?: string;
  /** Name under which the `Id` of the answer is remembered: C… a container, N… a network, E… an exec. */
  readonly handle?: string;
  /** The next request is sent while this one is under way, and this one's answer is compared after it. */
  readonly background?: boolean;
}

export interface Answer {
  readonly status: number;
  /** Parsed JSON; undefined when there is no body or it is not JSON. */
  readonly body: unknown;
}

/** As a line of a report. */
export function describe({ method, path, body, raw }: Operation): string {
  const sent = raw ?? (body === undefined ? "" : JSON.stringify(body));
  return `${method} ${decodeURIComponent(path)}${sent ? ` ${sent.length > 400 ? `${sent.slice(0, 400)}…` : sent}` : ""}`;
}

/** Path with filters as the API takes them. */
export function withQuery(path: string, query: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(query).map(([key, value]) => {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    // Handles are filled in later and must not be escaped.
    return `${key}=${encodeURIComponent(text).replace(/%7B([CNE]\d+(?:%3A\d+)?)%7D/g, (_, handle) => `{${decodeURIComponent(handle)}}`)}`;
  });
  return pairs.length > 0 ? `${path}?${pairs.join("&")}` : path;
}

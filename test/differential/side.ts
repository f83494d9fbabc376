import { request } from "node:http";
import type { Answer, Operation } from "./operation.ts";

export const API = "v1.41";
const TIMEOUT_MS = 60_000;
/** A wait for what never ends is a result too. */
const WAIT_MS = 8_000;

/** Status of an answer that never came because the daemon closed the connection. */
export const HUNG_UP = -1;

/** One of the two daemons, and the ids it gave to what the sequence made. */
export class Side {
  readonly name: "ours" | "theirs";
  readonly #socket: string;
  readonly #ids = new Map<string, string>();

  constructor(name: "ours" | "theirs", socket: string) {
    this.name = name;
    this.#socket = socket;
  }

  get ids(): ReadonlyMap<string, string> {
    return this.#ids;
  }

  forget(handle?: string): void {
    if (handle === undefined) this.#ids.clear();
    else this.#ids.delete(handle);
  }

  /** Sends an operation. A handle whose creation failed stands for a name that nothing has. */
  async send(operation: Operation): Promise<Answer> {
    const fill = (text: string) =>
      text
        .replace(/\{~([CN])\}/g, (_, kind: string) => ambiguous(kind))
        .replace(/\{([CNE]\d+)(?::(\d+))?\}/g, (_, handle: string, length?: string) => {
          const id = this.#ids.get(handle) ?? `missing-${handle}`;
          return length === undefined ? id : id.slice(0, Number(length));
        });
    const ambiguous = (kind: string): string => {
      const digits = [...this.#ids].filter(([handle]) => handle.startsWith(kind)).map(([, id]) => id[0]!);
      return digits.find((digit, index) => digits.indexOf(digit) !== index) ?? `unambiguous-${kind}`;
    };
    const text = operation.raw ?? (operation.body === undefined ? undefined : fill(JSON.stringify(operation.body)));
    const answer = await this.call(operation.method, fill(operation.path), text);
    const id = (answer.body as { Id?: unknown } | undefined)?.Id;
    if (operation.handle !== undefined && answer.status === 201 && typeof id === "string") this.#ids.set(operation.handle, id);
    return answer;
  }

  /** One request on a connection of its own. @returns status 0 when a wait does not end. @throws when there is no answer within a minute */
  call(method: string, path: string, text?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = text === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
      const outgoing = request({ socketPath: this.#socket, method, path: `/${API}${path}`, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) }));
      });
      if (path.includes("/wait")) {
        outgoing.setTimeout(WAIT_MS, () => {
          resolve({ status: 0, body: undefined });
          outgoing.destroy();
        });
      } else outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        // dockerd hangs up when a handler of it panics.
        if (error.code === "ECONNRESET") resolve({ status: HUNG_UP, body: undefined });
        else reject(new Error(`${this.name}: ${method} ${path}: ${error.message}`));
      });
      outgoing.end(text);
    });
  }

  /** Removes every container and every network that was made. @returns what would not go */
  async clear(): Promise<string[]> {
    const left: string[] = [];
    const containers = (await this.call("GET", "/containers/json?all=1")).body as { Id: string }[];
    await Promise.all(
      containers.map(async ({ Id }) => {
        const { status, body } = await this.call("DELETE", `/containers/${Id}?force=1&v=1`);
        if (status !== 204) left.push(`container ${Id}: ${status} ${JSON.stringify(body)}`);
      }),
    );
    const networks = (await this.call("GET", "/networks")).body as { Id: string; Name: string; ConfigOnly: boolean }[];
    const made = networks.filter(({ Name }) => !["bridge", "host", "none"].includes(Name));
    // Configuration networks last: others depend on them.
    for (const { Id, Name } of made.sort((a, b) => Number(a.ConfigOnly) - Number(b.ConfigOnly))) {
      const { status, body } = await this.call("DELETE", `/networks/${Id}`);
      if (status !== 204) left.push(`network ${Name}: ${status} ${JSON.stringify(body)}`);
    }
    this.forget();
    return left;
  }
}

function parse(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** HTTP on one kept-alive connection to a unix socket: the same client for whatever daemon, so that none of its own cost differs. */
export class ApiClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** @throws when the connection breaks or nothing comes within two minutes */
  send(method: string, path: string, body?: unknown): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = payload === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
      const options = { agent: this.#agent, socketPath: this.#socketPath, method, path, headers, timeout: 120_000 };
      const call = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      call.on("timeout", () => call.destroy(new Error(`No answer to ${method} ${path} within two minutes`)));
      call.on("error", reject);
      call.end(payload);
    });
  }

  /** Drops the connection; the next request opens one. */
  close(): void {
    this.#agent.destroy();
  }
}
